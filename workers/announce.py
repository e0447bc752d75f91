"""Telling what a commit changed, from a worker: best effort, in bounded time; the relay tells what was missed."""

from collections.abc import Sequence

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from backend.core.db.upkeep import MARK_ANNOUNCED
from backend.core.event_log import Announcement, publish
from backend.core.events import job_changed
from backend.core.jobs.job import JobSummary
from backend.core.logging import get_logger

log = get_logger(__name__)


class Herald:
    def __init__(self, engine: Engine, redis: Redis) -> None:
        self._engine = engine
        self._redis = redis

    def tell(self, jobs: Sequence[JobSummary], bells: Sequence[str] = (), *, progress_only: bool = False) -> None:
        """Publish how these jobs are now and ring these queues' bells."""
        if not jobs and not bells:
            return
        events = [job_changed(job, progress_only=progress_only) for job in jobs]
        told = {"ids": [job.id for job in jobs], "versions": [job.version for job in jobs]}
        try:
            publish(self._redis, Announcement(events, [(queue, None) for queue in bells]))
            with self._engine.begin() as connection:
                connection.execute(MARK_ANNOUNCED, told)
        except (RedisError, SQLAlchemyError, OSError) as error:
            log.warning("announcement_left_to_relay", jobs=len(jobs), error=str(error))
