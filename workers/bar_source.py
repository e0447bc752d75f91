"""Where a job's bars come from: the store first, then the providers in their order. What a provider gave is stored."""

import time as clock
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from backend.core.db import bars as sql
from backend.core.db.bar_columns import Series, bars_of, read_columns, read_series, replace_series, series_of
from backend.core.heartbeats import ProviderState, note_provider
from backend.core.jobs.provenance import BarsUsed
from backend.core.logging import get_logger
from backend.settings import Settings
from market_data.bars import Bars
from market_data.errors import NoBars, ProviderUnavailable, UnknownSymbol
from market_data.freshness import is_behind
from market_data.providers import Provider, build_providers
from market_data.timeframe import Timeframe
from workers.bar_cache import BarCache
from workers.context import LoadedBars
from workers.handlers.bars import LONGEST_WAIT_S, iso

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
FIRST_NS, LAST_NS = -(2**63), 2**63 - 1

LEFT_ALONE_S = 0.8 * LONGEST_WAIT_S
"""How long a provider that gave no answer is not asked again. Shorter than a job's wait: its next attempt asks."""

log = get_logger(__name__)


class BarSource:
    """One process's way to bars. `providers` stand in for those that the settings name."""

    def __init__(
        self,
        engine: Engine,
        redis: Redis,
        settings: Settings,
        *,
        providers: Sequence[Provider] | None = None,
        now_s: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._engine = engine
        self._redis = redis
        self._cache = BarCache(settings.data_dir / "cache" / "bars")
        self._providers = build_providers(settings.market.providers) if providers is None else providers
        self._now_s = now_s
        self._ask_again_s: dict[str, float] = {}

    def load(
        self, user_id: UUID | None, symbol: str, timeframe: Timeframe, start: date | None, end: date | None
    ) -> LoadedBars:
        """Return the bars from `start` to `end`, both included, as this user sees them; as all do, for None.

        Raises UnknownSymbol when no source knows the symbol, ProviderUnavailable when one that might could not be
        asked, NoBars when there are none in that time.
        """
        found, warnings = self._series(user_id, symbol, timeframe, end)
        series, every = self._bars(found)
        wanted = every.between(_start_ns(start), _end_ns(end))
        if len(wanted) == 0:
            raise NoBars(_no_bars(every, start, end))
        used = BarsUsed(
            symbol=symbol,
            timeframe=timeframe,
            source=series.source,
            revision=series.revision,
            bar_count=len(wanted),
            first_bar=iso(int(wanted.time[0])),
            last_bar=iso(int(wanted.time[-1])),
            fingerprint=wanted.fingerprint(),
        )
        return LoadedBars(wanted, used, warnings)

    def load_shared(self, symbol: str, timeframe: Timeframe) -> LoadedBars:
        """Return all bars that are there for all users, whatever single users have imported; raises the same."""
        return self.load(None, symbol, timeframe, None, None)

    def shared_symbols(self, timeframe: Timeframe) -> tuple[str, ...]:
        """Return the symbols whose bars of that timeframe are stored for all users, by name."""
        with self._engine.connect() as connection:
            return tuple(connection.execute(sql.shared_symbols(timeframe)).scalars())

    def _series(
        self, user_id: UUID | None, symbol: str, timeframe: Timeframe, end: date | None
    ) -> tuple[Series, tuple[str, ...]]:
        with self._engine.connect() as connection:
            row = connection.execute(sql.find_series(symbol, timeframe, user_id)).mappings().one_or_none()
        if row is None:
            return self._fetch(symbol, timeframe, self._providers), ()
        series = series_of(row)
        live = [provider for provider in self._providers if provider.is_live and provider.name == series.source]
        if not live or not _is_behind(row, timeframe, end):
            return series, ()
        try:
            return self._fetch(symbol, timeframe, live), ()
        except (ProviderUnavailable, UnknownSymbol, NoBars) as error:
            return series, (f"bars end at {row['last_at']:%Y-%m-%d}: {series.source} gave no newer ones ({error})",)

    def _fetch(self, symbol: str, timeframe: Timeframe, providers: Sequence[Provider]) -> Series:
        """Ask each provider in turn; an unanswered question weighs more than a no."""
        problem: UnknownSymbol | NoBars | ProviderUnavailable = UnknownSymbol(
            f"no source knows {symbol!r}; asked: the store{''.join(', ' + p.name for p in providers)}"
        )
        for provider in providers:
            try:
                bars = self._ask(provider, symbol, timeframe)
            except UnknownSymbol:
                continue
            except NoBars as error:
                problem = problem if isinstance(problem, ProviderUnavailable) else error
            except ProviderUnavailable as error:
                problem = error
            else:
                with self._engine.begin() as connection:
                    return replace_series(connection, None, bars, provider.name)
        raise problem

    def _ask(self, provider: Provider, symbol: str, timeframe: Timeframe) -> Bars:
        """Return the provider's answer, at once when it gave none a moment ago: many symbols wait for it only once.

        Nothing of the earlier error is told: it was about somebody else's symbol.
        """
        if self._now_s() < self._ask_again_s.get(provider.name, 0.0):
            raise ProviderUnavailable(f"{provider.name} gave no answer a moment ago; {symbol!r} was not asked for")
        try:
            bars = provider.fetch(symbol, timeframe)
        except ProviderUnavailable as error:
            self._ask_again_s[provider.name] = self._now_s() + LEFT_ALONE_S
            self._note(provider, error.code)
            raise
        except (UnknownSymbol, NoBars):
            self._note(provider)
            raise
        self._note(provider)
        return bars

    def _bars(self, series: Series) -> tuple[Series, Bars]:
        """Return the bars, and the series as it was when they were read."""
        columns = self._cache.get(series.id, series.revision)
        if columns is None:
            # One snapshot for both: bars that came meanwhile belong to a revision that is not this one.
            snapshot = self._engine.execution_options(isolation_level="REPEATABLE READ")
            with snapshot.connect() as connection:
                series = read_series(connection, series.id)
                columns = read_columns(connection, series.id)
            self._cache.put(series.id, series.revision, columns)
        return series, bars_of(series, columns)

    def _note(self, provider: Provider, code: str | None = None) -> None:
        state = ProviderState(provider.name, code is None, code, datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            note_provider(self._redis, state)
        except RedisError as error:
            log.warning("provider_state_not_noted", provider=provider.name, error=type(error).__name__)


def _is_behind(row: Any, timeframe: Timeframe, end: date | None) -> bool:  # Any: a database row
    return is_behind(row["last_at"], row["updated_at"], timeframe, end, datetime.now(UTC))


def _start_ns(start: date | None) -> int:
    return FIRST_NS if start is None else _day_ns(start)


def _end_ns(end: date | None) -> int:
    """Return the last nanosecond of the day."""
    return LAST_NS if end is None else min(_day_ns(end) + NS_PER_DAY - 1, LAST_NS)


def _day_ns(day: date) -> int:
    """Return the start of the day; days that int64 nanoseconds cannot hold (before 1677, after 2262) are clamped."""
    return min(max((day - date(1970, 1, 1)).days * NS_PER_DAY, FIRST_NS), LAST_NS)


def _no_bars(every: Bars, start: date | None, end: date | None) -> str:
    held = f"{iso(int(every.time[0]))} to {iso(int(every.time[-1]))}" if len(every) else "none at all"
    return f"no bars of {every.symbol} from {start or 'the first'} to {end or 'the last'}; there are {held}"
