"""Counts for operators: the jobs that have ended, those that have not, and what the relay itself is at."""

import time
from collections.abc import Callable

from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from backend.core.db import job_metrics
from backend.core.logging import get_logger

COUNT_EVERY_S = 2.0
GAUGES_EVERY_S = 5.0
REST_FACTOR = 50
"""Counting what is unfinished takes longer the more there is; between two counts it rests so many times as long."""
SLOW_S = 5.0

log = get_logger(__name__)


class Census:
    """Counts jobs, and keeps what the duties took until that is written down, too."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._gauges_at = 0.0
        self._duties: dict[tuple[str, bool], tuple[int, float]] = {}

    def count(self) -> None:
        """Count the jobs that ended since the last time, each of them once; add what the duties came to."""
        duties, self._duties = self._duties, {}
        with self._engine.begin() as connection:
            connection.execute(job_metrics.LOCK_CURSOR)
            connection.execute(job_metrics.COUNT_ENDED)
            done = [
                job_metrics.duty_done(name, took_s, is_failed=is_failed) | {"count": count}
                for (name, is_failed), (count, took_s) in sorted(duties.items())
            ]
            if done:
                connection.execute(job_metrics.ADD, done)

    def refresh_gauges(self) -> None:
        """Count what is unfinished, when it is time."""
        started = time.monotonic()
        if started < self._gauges_at:
            return
        with self._engine.begin() as connection:
            connection.execute(job_metrics.FORGET_GAUGES)
            connection.execute(job_metrics.REFRESH_GAUGES)
        self._gauges_at = time.monotonic() + REST_FACTOR * (time.monotonic() - started)

    def watched(self, name: str, do: Callable[[], object]) -> None:
        """Do a duty; one that fails is logged, and tried again with the next round."""
        started, is_failed = time.monotonic(), False
        try:
            do()
        except (SQLAlchemyError, RedisError, OSError) as error:
            is_failed = True
            log.warning("duty_failed", duty=name, error=type(error).__name__)
        took_s = time.monotonic() - started
        if took_s > SLOW_S:
            log.warning("duty_slow", duty=name, took_s=round(took_s, 3))
        count, total_s = self._duties.get((name, is_failed), (0, 0.0))
        self._duties[name, is_failed] = (count + 1, total_s + took_s)
