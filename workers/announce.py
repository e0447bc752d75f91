"""Telling what a commit changed, from a worker: best effort, in bounded time; the relay tells what was missed."""

import time
from collections.abc import Mapping, Sequence
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from backend.core.db import job_metrics
from backend.core.db.batches import mark_announced as mark_announced_ends
from backend.core.db.lines import AUTOCOMMIT
from backend.core.db.signals import mark_announced, unannounced_of_job
from backend.core.db.upkeep import FORGET_TOLD, UNHURRIED
from backend.core.event_log import Announcement, publish
from backend.core.events import batch_finished, job_changed
from backend.core.jobs.batch import BatchSummary
from backend.core.jobs.job import JobSummary
from backend.core.logging import get_logger
from backend.core.signals import SignalView, signal_given, signal_of

SIGNALS_AT_ONCE = 200
SETTLE_FROM = 500

log = get_logger(__name__)


class Herald:
    """Tells what was committed, then takes it out of the outbox: some at a time for those who can wait.

    Taking out never waits for the disk: what a crash of Postgres puts back is told once more.
    """

    def __init__(self, engine: Engine, redis: Redis, *, settle_every_s: float = 0.0) -> None:
        self._engine = engine
        self._redis = redis
        self._settle_every_s = settle_every_s
        self._settled_at = time.monotonic()
        self._told: dict[UUID, int] = {}

    def tell(self, jobs: Sequence[JobSummary], bells: Sequence[str] = (), *, progress_only: bool = False) -> None:
        """Publish how these jobs are now and ring these queues' bells."""
        if not jobs and not bells:
            return
        events = [job_changed(job, progress_only=progress_only) for job in jobs]
        try:
            publish(self._redis, Announcement(events, [(queue, None) for queue in bells]))
        except (RedisError, OSError) as error:
            log.warning("announcement_left_to_relay", jobs=len(jobs), error=str(error))
            self.note(job_metrics.event("publish_failed"))
            return
        if not progress_only:
            self._told.update((job.id, job.version) for job in jobs)
        if len(self._told) >= SETTLE_FROM or time.monotonic() - self._settled_at >= self._settle_every_s:
            self.settle()

    def tell_progress(self, job: JobSummary) -> None:
        """Publish how far a job is; may be called from another thread. What is missed, the next report tells."""
        try:
            publish(self._redis, Announcement([job_changed(job, progress_only=True)]))
        except (RedisError, OSError) as error:
            log.warning("progress_not_told", error=type(error).__name__)

    def note(self, rare: Mapping[str, str | int | float]) -> None:
        """Count something that seldom happens, for operators."""
        try:
            with self._engine.begin() as connection:
                connection.execute(job_metrics.ADD, rare)
        except SQLAlchemyError as error:
            log.warning("event_not_counted", name=rare["label"], error=type(error).__name__)

    def settle(self) -> None:
        """Take what was told out of the outbox."""
        told, self._told, self._settled_at = self._told, {}, time.monotonic()
        if not told:
            return
        try:
            with self._engine.connect().execution_options(isolation_level=AUTOCOMMIT) as connection:
                connection.execute(FORGET_TOLD, {"ids": list(told), "versions": list(told.values())})
        except SQLAlchemyError as error:
            log.warning("outbox_left_to_relay", jobs=len(told), error=type(error).__name__)

    def tell_batches(self, batches: Sequence[BatchSummary]) -> None:
        """Publish that these batches have finished."""
        if not batches:
            return
        ends = [(batch.id, batch.finished_at) for batch in batches if batch.finished_at is not None]
        try:
            publish(self._redis, Announcement([batch_finished(batch) for batch in batches]))
            with self._engine.begin() as connection:
                connection.execute(UNHURRIED)
                connection.execute(mark_announced_ends(ends))
        except (RedisError, SQLAlchemyError, OSError) as error:
            log.warning("batches_left_to_relay", batches=len(batches), error=str(error))

    def tell_signals_of(self, job_id: UUID) -> None:
        """Publish the signals that a job has just given."""
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(unannounced_of_job(job_id)).mappings().all()
        except SQLAlchemyError as error:
            log.warning("signals_left_to_relay", error=type(error).__name__)
            return
        self.tell_signals([signal_of(row) for row in rows])

    def tell_signals(self, signals: Sequence[SignalView]) -> None:
        """Publish signals, some at a time: each is marked as told only after it was, so it is told at least once."""
        for start in range(0, len(signals), SIGNALS_AT_ONCE):
            some = signals[start : start + SIGNALS_AT_ONCE]
            try:
                publish(self._redis, Announcement([signal_given(signal) for signal in some]))
                with self._engine.begin() as connection:
                    connection.execute(mark_announced([signal.id for signal in some]))
            except (RedisError, SQLAlchemyError, OSError) as error:
                log.warning("signals_left_to_relay", signals=len(signals) - start, error=type(error).__name__)
                return
