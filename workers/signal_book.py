"""What handlers of signals look up: those that wait for their outcome, their owners' bars, and the news before them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from backend.core.db import signals as sql
from backend.core.signals import SignalView, UnscoredSeries, signal_of
from market_data.timeframe import Timeframe
from suggestion_engine.evidence import Mood
from workers.bar_source import BarSource
from workers.context import LoadedBars

MOOD_DAYS = 7
AT_ONCE = 1_000


class SignalBook:
    """One process's way to the signals of all users; only jobs for admins ask for more than news."""

    def __init__(self, engine: Engine, bars: BarSource) -> None:
        self._engine = engine
        self._bars = bars

    def unscored(self, symbols: Sequence[str] | None, limit: int) -> Sequence[UnscoredSeries]:
        """Return the series of the `limit` signals without an outcome that have waited longest for a look."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.unscored_series(symbols, limit)).mappings().all()
        return [UnscoredSeries(**row) for row in rows]

    def unscored_of(self, series: UnscoredSeries) -> Iterator[Sequence[SignalView]]:
        """Give the signals of one series, some at a time; none of them may be written to meanwhile."""
        left, after = series.signal_count, None
        while left > 0:
            with self._engine.connect() as connection:
                rows = connection.execute(sql.unscored_of(series, after, min(left, AT_ONCE))).mappings().all()
            if not rows:  # another job scored them
                return
            yield [signal_of(row) for row in rows]
            left -= len(rows)
            after = rows[-1]["tried_at"], rows[-1]["id"]

    def owners_bars(self, owner_id: UUID, symbol: str, timeframe: Timeframe) -> LoadedBars:
        """Return all bars of a series as the owner of a signal sees them.

        Raises UnknownSymbol, NoBars or ProviderUnavailable (market_data.errors).
        """
        return self._bars.load(owner_id, symbol, timeframe, None, None)

    def moods(self, symbols: Sequence[str], until: datetime) -> Mapping[str, Mood]:
        """Return how the news of the week before `until` sound, for the symbols that were in them."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.moods(symbols, until - timedelta(days=MOOD_DAYS), until)).mappings().all()
        return {
            row["symbol"]: Mood(score=row["score"], article_count=row["article_count"], lookback_days=MOOD_DAYS)
            for row in rows
        }
