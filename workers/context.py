"""What a handler may ask for: bars, models, news, progress, whether to go on, the time, a seed. Nothing else."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from structlog.typing import FilteringBoundLogger

from backend.core.jobs.outcomes import (
    DEADLINE_CODE,
    DEADLINE_MESSAGE,
    TIME_LIMIT_CODE,
    TIME_LIMIT_MESSAGE,
    Cancelled,
    GivenBack,
    InvalidJob,
)
from backend.core.jobs.provenance import BarsUsed
from backend.core.logging import JOB_LOGGER, get_logger
from backend.core.signals import SignalView, UnscoredSeries
from market_data.bars import Bars
from market_data.timeframe import Timeframe
from model_files import Manifest
from workers.inference.serving import Serving
from workers.news import NewsReader

if TYPE_CHECKING:
    from sentiment_engine.model import SentimentModel
    from suggestion_engine.evidence import Mood
    from suggestion_engine.member import Member

CHECK_EVERY_S = 0.2


@dataclass(frozen=True)
class LoadedBars:
    """Bars and where they came from."""

    bars: Bars
    used: BarsUsed
    warnings: tuple[str, ...] = ()


class Monitor(Protocol):
    """How the job stands with the world outside: asked rarely, since each call is a query."""

    def is_cancel_wanted(self) -> bool:
        """Raise LeaseLost when the job is no longer ours."""

    def report(self, fraction: float, stage: str | None, counters: Mapping[str, float]) -> None:
        """See that progress is written down and announced; raise LeaseLost when the job is no longer ours."""


class Models(Protocol):
    """The models that serve now; asked anew by each job, so that a promoted one serves the next."""

    def suggestion(self) -> "Serving[Member]":
        """Return the champions that suggest, by name."""

    def sentiment(self) -> "Serving[SentimentModel]":
        """Return the champions that read texts, by name."""

    def keep(self, folder: Path, manifest: Manifest) -> None:
        """Put a trained model where every host finds it; keeping the same one again changes nothing."""


class Signals(Protocol):
    """What was suggested before, and what was in the news."""

    def unscored(self, symbols: Sequence[str] | None, limit: int) -> Sequence[UnscoredSeries]:
        """Return the series of the `limit` signals without an outcome that have waited longest for a look."""

    def unscored_of(self, series: UnscoredSeries) -> Iterator[Sequence[SignalView]]:
        """Give the signals of one series, some at a time."""

    def owners_bars(self, owner_id: UUID, symbol: str, timeframe: Timeframe) -> LoadedBars:
        """Return all bars of a series as the owner of a signal sees them."""

    def moods(self, symbols: Sequence[str], until: datetime) -> "Mapping[str, Mood]":
        """Return how the news of the week before `until` sound, for the symbols that were in them."""


@dataclass(eq=False)
class Context:
    """One attempt, as its handler sees it."""

    attempt: int
    hash_payload: Callable[[], str]
    """What tells this piece of work from another, made when somebody asks: most short jobs never do."""
    ends_by: float
    """Of time.monotonic(): the soft limit, after which `check_cancelled` ends the attempt."""
    monitor: Monitor
    load_bars: Callable[[str, Timeframe, date | None, date | None], LoadedBars]
    load_shared_bars: Callable[[str, Timeframe], LoadedBars]
    shared_symbols: Callable[[Timeframe], tuple[str, ...]]
    """The symbols whose bars of that timeframe are stored for all users, by name."""
    models: Models
    signals: Signals
    news: NewsReader
    work_folder: Path
    """Of this host: for what a later attempt can go on from. A handler keeps it tidy."""
    is_stopping: Callable[[], bool]
    expires_by: float = math.inf
    """Of time.monotonic(): the job's own deadline, which ends the attempt too."""
    log: FilteringBoundLogger = field(default_factory=lambda: get_logger(JOB_LOGGER))
    """For what the job's owner should know: `context.log.info("symbol_skipped", symbol=symbol)`."""
    _checked_at: float = field(default_factory=time.monotonic)
    """When the database was last asked whether to go on; the claim of a moment ago was such a question, too."""

    @cached_property
    def payload_hash(self) -> str:
        return self.hash_payload()

    @property
    def seed(self) -> int:
        return int(self.payload_hash[:8], 16)

    def bars(self, symbol: str, timeframe: Timeframe, start: date | None, end: date | None) -> LoadedBars:
        """Return the bars from `start` to `end`, both included.

        Raises UnknownSymbol, NoBars or ProviderUnavailable (market_data.errors).
        """
        self.check_cancelled()
        return self.load_bars(symbol, timeframe, start, end)

    def shared_bars(self, symbol: str, timeframe: Timeframe) -> LoadedBars:
        """Return all bars of a series as users without their own see them; raises the same."""
        self.check_cancelled()
        return self.load_shared_bars(symbol, timeframe)

    def progress(self, fraction: float, stage: str | None = None, **counters: float) -> None:
        """Say how far the job is (0 to 1), and what it has counted so far; a counter not named keeps its value.

        Cheap to call often: the newest is written, at most four times a second.
        """
        self.check_cancelled()
        for name, value in counters.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"a counter is a finite number, {name} was {value!r}")
        self.monitor.report(min(max(fraction, 0.0), 1.0), stage, counters)

    def check_cancelled(self) -> None:
        """Raise what ends the attempt, if anything does: a cancel, the worker's stop, the deadline, the soft limit."""
        if self.is_stopping():
            raise GivenBack
        now = time.monotonic()
        if now > self.expires_by:
            raise InvalidJob(DEADLINE_CODE, DEADLINE_MESSAGE)
        if now > self.ends_by:
            raise InvalidJob(TIME_LIMIT_CODE, TIME_LIMIT_MESSAGE)
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            if self.monitor.is_cancel_wanted():
                raise Cancelled

    def now(self) -> datetime:
        return datetime.now(UTC)
