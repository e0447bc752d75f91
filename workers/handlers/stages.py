"""The stages of a job that may be long: where it is, and whether it shall go on."""

import time
from collections.abc import Mapping

from workers.context import Context

QUIET_S = 0.3
"""A job that is over sooner says nothing of where it is: each word is a write, and a push to whoever listens."""


class Stages:
    """Tells a job's progress by its stages, each a span of the whole from one fraction to another."""

    def __init__(self, context: Context, spans: Mapping[str, tuple[float, float]], **counters: float) -> None:
        self._context = context
        self._spans = spans
        self._counters = counters
        self._began = time.monotonic()

    def count(self, **counters: float) -> None:
        """Say what was counted, with the next word."""
        self._counters |= counters

    def tell(self, stage: str, fraction: float = 0.0) -> None:
        """Say which fraction of a stage is over; raise what ends the attempt, if anything does."""
        if time.monotonic() - self._began < QUIET_S:
            self._context.check_cancelled()
            return
        first, end = self._spans[stage]
        self._context.progress(first + (end - first) * fraction, stage, **self._counters)
