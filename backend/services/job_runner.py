"""Starting a job from code: a script, a notebook, a cron line.

from backend.services.job_runner import enqueue_job
job_id = enqueue_job(job_type="pattern_scan", user_id="admin", payload={"symbols": ["AAPL", "GOOG"]})
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import Engine

from backend.core.db import statements
from backend.core.db.admission import require_admission
from backend.core.db.many_jobs import NewJob
from backend.core.db.reuse import insert_answered
from backend.core.db.sessions import sync_engine
from backend.core.errors import KeyReused
from backend.core.event_log import Announcement, publish
from backend.core.events import job_changed
from backend.core.jobs.job import JobSummary, summary_of
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.submission import JobOptions, Submission, lane_cap, submission
from backend.core.logging import get_logger
from backend.core.redis import sync_redis
from backend.services.accounts import find_user
from backend.settings import Settings

log = get_logger(__name__)


def enqueue_job(
    *,
    job_type: str,
    user_id: str,
    payload: Mapping[str, Any],  # Any: JSON, in the shape of the type's payload model
    options: JobOptions | None = None,
    idempotency_key: str | None = None,
) -> str:
    """Return the id of a new job, recorded and rung for.

    user_id: a user's id or name. Settings come from the environment, or from the running local stack.
    Errors: Invalid (what is wrong, and where), NotFound (no such user), Forbidden (the role may not),
    KeyReused (the key came with another body before), QueueDraining, TooManyUnfinished (not now),
    LookupError (no database is known).
    """
    settings = Settings()
    wanted = submission(job_type, payload, options)
    job = _record(_engine(settings.database), wanted, user_id, idempotency_key, settings)
    _ring(settings.redis, job, wanted.spec.queue)
    return str(job.id)


def _record(engine: Engine, wanted: Submission, name_or_id: str, key: str | None, settings: Settings) -> JobSummary:
    with engine.begin() as connection:
        user = find_user(connection, name_or_id)
        new = NewJob(wanted.new_row(user, key), lane_cap(user, settings.jobs))
        answered = insert_answered(connection, user.id, wanted, new)
        if answered is not None:
            return summary_of(answered)
        require_admission(connection, user, [wanted], settings.jobs, key)
        added = connection.execute(statements.insert_job(new.values)).mappings().one_or_none()
        if added is not None:
            connection.execute(statements.open_lane(wanted.spec.queue, user.id, lane_cap(user, settings.jobs)))
            return summary_of(added)
        first = connection.execute(statements.job_by_key(user.id, key or "")).mappings().one()
        if bytes(first["request_hash"]) != wanted.request_hash:
            raise KeyReused(f"the idempotency key {key!r} was used before with another body")
        return summary_of(first)


def _ring(redis_url: str, job: JobSummary, queue: str) -> None:
    """Ring for the job; when Redis does not answer, the relay rings within seconds."""
    bells = [(queue, job.id)] if job.state == JobState.QUEUED else []
    redis = sync_redis(redis_url)
    try:
        publish(redis, Announcement([job_changed(job)], bells))
    except RedisError as error:
        log.warning("ring_left_to_relay", job_id=str(job.id), error=str(error))
    finally:
        redis.close()


@lru_cache(maxsize=4)
def _engine(database_url: str) -> Engine:
    return sync_engine(database_url)
