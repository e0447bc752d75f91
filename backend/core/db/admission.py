"""Whether a new job is taken: its queue must not be draining, its owner must have room, its deadline must be ahead.

A statement for each, and `require_admission` for code with a connection at hand. The API asks through
`services.admission`, which remembers answers for a moment.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, func, literal, select

from backend.core.db.queue_controls import draining
from backend.core.db.statements import job_by_key
from backend.core.db.tables import jobs
from backend.core.errors import AppError, QueueDraining, TooManyUnfinished
from backend.core.jobs.submission import Submission, unfinished_cap
from backend.core.user import User
from backend.settings import JobSettings


def require_admission(
    connection: Connection, user: User, wanted: Sequence[Submission], limits: JobSettings, key: str | None = None
) -> None:
    """Raise what keeps these jobs from being taken; a key that has its job already is no new job, and may pass."""
    try:
        require_time_left(wanted)
        require_open([one.spec.queue for one in wanted], set(connection.execute(draining()).scalars()))
        cap = unfinished_cap(user, limits)
        if cap is not None:
            require_room(connection.execute(unfinished_count(user.id, cap)).scalar_one(), len(wanted), cap)
    except AppError:
        if key is None or connection.execute(job_by_key(user.id, key)).one_or_none() is None:
            raise


def unfinished_count(user_id: UUID, cap: int) -> Select[Any]:
    """Count a user's unfinished jobs, up to the cap."""
    mine = select(literal(1)).where(jobs.c.user_id == user_id, jobs.c.finished_at.is_(None)).limit(cap)
    return select(func.count()).select_from(mine.subquery())


def require_time_left(wanted: Sequence[Submission]) -> None:
    now = datetime.now(UTC)
    for submission in wanted:
        submission.require_time_left(now)


def require_open(queues: Iterable[str], draining_queues: set[str]) -> None:
    closed = sorted(draining_queues.intersection(queues))
    if closed:
        raise QueueDraining(f"draining, and taking no new jobs until resumed: {', '.join(closed)}")


def require_room(unfinished: int, count: int, cap: int) -> None:
    if unfinished + count > cap:
        asked = "one more" if count == 1 else f"{count} more"
        raise TooManyUnfinished(f"you may have {cap} unfinished jobs and have {unfinished}: {asked} would be too many")
