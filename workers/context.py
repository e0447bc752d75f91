"""What a handler may ask for: bars, progress, whether to go on, the time, a seed. Nothing else."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

from backend.core.jobs.outcomes import TIME_LIMIT_CODE, TIME_LIMIT_MESSAGE, Cancelled, GivenBack, InvalidJob
from backend.core.jobs.provenance import BarsUsed
from market_data.bars import Bars
from market_data.timeframe import Timeframe

CHECK_EVERY_S = 0.2
PROGRESS_EVERY_S = 0.25


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

    def report(self, fraction: float, stage: str | None) -> None:
        """Write progress down and announce it; raise LeaseLost when the job is no longer ours."""


@dataclass(eq=False)
class Context:
    """One attempt, as its handler sees it."""

    attempt: int
    seed: int
    payload_hash: str
    ends_by: float
    """Of time.monotonic(): the soft limit, after which `check_cancelled` ends the attempt."""
    monitor: Monitor
    load_bars: Callable[[str, Timeframe, date | None, date | None], LoadedBars]
    is_stopping: Callable[[], bool]
    _checked_at: float = 0.0
    _reported_at: float = 0.0

    def bars(self, symbol: str, timeframe: Timeframe, start: date | None, end: date | None) -> LoadedBars:
        """Return the bars from `start` to `end`, both included.

        Raises UnknownSymbol, NoBars or ProviderUnavailable (market_data.errors).
        """
        self.check_cancelled()
        return self.load_bars(symbol, timeframe, start, end)

    def progress(self, fraction: float, stage: str | None = None) -> None:
        """Say how far the job is (0 to 1); at most four times a second, the rest is dropped."""
        self.check_cancelled()
        now = time.monotonic()
        if now - self._reported_at >= PROGRESS_EVERY_S:
            self._reported_at = now
            self.monitor.report(min(max(fraction, 0.0), 1.0), stage)

    def check_cancelled(self) -> None:
        """Raise what ends the attempt, if anything does: a cancel, the worker's stop, the soft time limit."""
        if self.is_stopping():
            raise GivenBack
        now = time.monotonic()
        if now > self.ends_by:
            raise InvalidJob(TIME_LIMIT_CODE, TIME_LIMIT_MESSAGE)
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            if self.monitor.is_cancel_wanted():
                raise Cancelled

    def now(self) -> datetime:
        return datetime.now(UTC)
