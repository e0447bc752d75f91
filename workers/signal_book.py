"""What handlers of signals look up: those that wait for their outcome, their owners' bars, and the news before them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Engine

from backend.core.db import signals as sql
from backend.core.signals import SignalView, signal_of
from market_data.timeframe import Timeframe
from suggestion_engine.evidence import Mood
from workers.bar_source import BarSource
from workers.context import LoadedBars

MOOD_DAYS = 7


class SignalBook:
    """One process's way to the signals of all users; only jobs for admins ask for more than news."""

    def __init__(self, engine: Engine, bars: BarSource) -> None:
        self._engine = engine
        self._bars = bars

    def unscored(self, symbols: Sequence[str] | None, limit: int) -> Sequence[SignalView]:
        """Return the oldest signals without an outcome, those of one owner and series together."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.unscored_signals(symbols, limit)).mappings().all()
        return [signal_of(row) for row in rows]

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
