"""Where a job's bars come from: the store first, then the providers in their order. What a provider gave is stored."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine

from backend.core.db import bars as sql
from backend.core.db.bar_columns import Series, bars_of, read_columns, replace_series
from backend.core.heartbeats import ProviderState, note_provider
from backend.core.jobs.provenance import BarsUsed
from backend.core.logging import get_logger
from backend.settings import Settings
from market_data.bars import Bars
from market_data.errors import NoBars, ProviderUnavailable, UnknownSymbol
from market_data.providers import Provider, build_providers
from market_data.timeframe import Timeframe, step_ns
from workers.bar_cache import BarCache
from workers.context import LoadedBars
from workers.handlers.bars import iso

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
FIRST_NS, LAST_NS = -(2**63), 2**63 - 1
ONE_DAY = timedelta(days=1)

log = get_logger(__name__)


class BarSource:
    def __init__(self, engine: Engine, redis: Redis, settings: Settings) -> None:
        self._engine = engine
        self._redis = redis
        self._cache = BarCache(settings.data_dir / "cache" / "bars")
        self._providers: Sequence[Provider] = build_providers(settings.market.providers)

    def load(
        self, user_id: UUID, symbol: str, timeframe: Timeframe, start: date | None, end: date | None
    ) -> LoadedBars:
        """Return the bars from `start` to `end`, both included, as this user sees them.

        Raises UnknownSymbol when no source knows the symbol, ProviderUnavailable when one that might could not be
        asked, NoBars when there are none in that time.
        """
        series, warnings = self._series(user_id, symbol, timeframe, end)
        every = self._columns(series)
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

    def _series(
        self, user_id: UUID, symbol: str, timeframe: Timeframe, end: date | None
    ) -> tuple[Series, tuple[str, ...]]:
        with self._engine.connect() as connection:
            row = connection.execute(sql.find_series(symbol, timeframe, user_id)).mappings().one_or_none()
        if row is None:
            return self._fetch(symbol, timeframe, self._providers), ()
        series = Series(row["id"], symbol, timeframe, row["source"], row["revision"])
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
                bars = provider.fetch(symbol, timeframe)
            except UnknownSymbol:
                self._note(provider, "ok")
            except NoBars as error:
                self._note(provider, "ok")
                problem = problem if isinstance(problem, ProviderUnavailable) else error
            except ProviderUnavailable as error:
                self._note(provider, str(error), is_ok=False)
                problem = error
            else:
                self._note(provider, "ok")
                with self._engine.begin() as connection:
                    return replace_series(connection, None, bars, provider.name)
        raise problem

    def _columns(self, series: Series) -> Bars:
        columns = self._cache.get(series.id, series.revision)
        if columns is None:
            with self._engine.connect() as connection:
                columns = read_columns(connection, series.id)
            self._cache.put(series.id, series.revision, columns)
        return bars_of(series, columns)

    def _note(self, provider: Provider, message: str, *, is_ok: bool = True) -> None:
        state = ProviderState(provider.name, is_ok, message[:300], datetime.now(UTC).isoformat(timespec="seconds"))
        try:
            note_provider(self._redis, state)
        except RedisError as error:
            log.warning("provider_state_not_noted", provider=provider.name, error=type(error).__name__)


def _is_behind(row: Any, timeframe: Timeframe, end: date | None) -> bool:  # Any: a database row
    """Tell whether newer bars may exist that the caller wants, and that were not asked for a moment ago."""
    now = datetime.now(UTC)
    step = timedelta(seconds=step_ns(timeframe) / NS_PER_S)
    wants_newer = end is None or datetime.combine(end, time.min, UTC) >= row["last_at"] + step
    return bool(wants_newer and now - row["last_at"] > 2 * step and now - row["updated_at"] > min(step, ONE_DAY))


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
