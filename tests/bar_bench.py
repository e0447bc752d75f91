"""A bench for bar sources: an installation without processes, and providers that answer as they are told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

import numpy as np
import redis
from sqlalchemy import Engine, text

from backend.core.db import bars as sql
from backend.core.db.bar_columns import COLUMNS, STORED_BAR, Series, copy_in, replace_series
from backend.core.user import User
from backend.settings import Settings
from market_data.bars import Bars
from market_data.providers import Provider
from market_data.timeframe import Timeframe
from tests.platform import Platform
from workers.bar_source import BarSource

DAY_NS = 86_400 * 10**9
FIRST_DAY = date(2024, 1, 1)


def bars(symbol: str, *, price: float = 10.0, count: int = 3, first: date = FIRST_DAY) -> Bars:
    start = (first - date(1970, 1, 1)).days * DAY_NS
    flat = np.full(count, price)
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=start + np.arange(count, dtype=np.int64) * DAY_NS,
        open=flat,
        high=flat,
        low=flat,
        close=flat,
        volume=flat,
    )


@dataclass
class Told:
    """A provider that answers each symbol with the bars or the error it was told."""

    name: str
    answer: Callable[[str], Bars]
    is_live: bool = False
    asked: list[str] = field(default_factory=list)

    def fetch(self, symbol: str, timeframe: Timeframe) -> Bars:
        assert timeframe == "1d"
        self.asked.append(symbol)
        return self.answer(symbol)


def refusing(name: str, error: Exception, *, is_live: bool = False) -> Told:
    def refuse(symbol: str) -> Bars:
        raise error

    return Told(name, refuse, is_live)


@dataclass
class Bench:
    """An installation without processes, and a clock that is moved by hand."""

    platform: Platform
    engine: Engine
    broker: redis.Redis
    settings: Settings
    user: User
    now_s: float = 1_000.0

    @property
    def user_id(self) -> UUID:
        return self.user.id

    def run(self, statement: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def source(self, *providers: Provider) -> BarSource:
        return BarSource(self.engine, self.broker, self.settings, providers=providers, now_s=lambda: self.now_s)

    def store(self, given: Bars, source: str, *, owner_id: UUID | None = None) -> Series:
        with self.engine.begin() as connection:
            return replace_series(connection, owner_id, given, source)

    def replace_import(self, given: Bars, owner_id: UUID | None = None) -> None:
        """Import as the API does: over whatever there is."""
        with self.engine.begin() as connection:
            opened = connection.execute(sql.open_series(owner_id, given.symbol, "1d", sql.IMPORTED)).mappings().one()
            connection.execute(sql.drop_bars(opened["id"]))
            columns = {name: getattr(given, name) for name in COLUMNS} | {"series_id": opened["id"]}
            copy_in(connection, sql.COPY_IN_BARS, STORED_BAR, columns, len(given))
            connection.execute(sql.close_series(opened["id"], sql.IMPORTED))

    def close(self, source: BarSource, symbol: str = "ACME") -> float:
        return float(source.load(self.user_id, symbol, "1d", None, None).bars.close[0])

    def asked_long_ago(self) -> None:
        self.run("UPDATE bar_series SET updated_at = now() - interval '2 days'")
