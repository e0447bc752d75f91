"""How an attempt ends, as one transaction: the move, the attempt's record, the lane's count.

The runner, the keeper and the relay all end attempts, and all of them here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, insert

from backend.core.db import job_metrics, statements
from backend.core.db.tables import job_attempts
from backend.core.jobs.attempt import EndOfAttempt
from backend.core.jobs.job import JobSummary, summary_of
from backend.core.jobs.lifecycle import MOVES, TERMINAL, Move
from backend.core.jobs.outcomes import DEADLINE_CODE, DEADLINE_MESSAGE, TIME_LIMIT_CODE, TIME_LIMIT_MESSAGE
from backend.core.jobs.registry import JOB_TYPES

RESCUED: Mapping[EndOfAttempt, str] = {"lost": "rescued", "timed_out": "timed_out"}
WORKER_LOST = {"code": "worker_lost", "message": "the process that ran this job ended without a word"}
TIME_LIMIT = {"code": TIME_LIMIT_CODE, "message": TIME_LIMIT_MESSAGE}
DEADLINE = {"code": DEADLINE_CODE, "message": DEADLINE_MESSAGE}


@dataclass(frozen=True)
class Lease:
    """A claim on one job: what the runner holds, and what every write of the attempt is fenced by."""

    job: JobSummary
    token: UUID
    queue: str
    worker_id: str
    worker_pid: int
    started_at: datetime
    is_short: bool

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "Lease":  # Any: a database row
        return cls(
            summary_of(row),
            row["lease_token"],
            row["queue"],
            row["worker_id"],
            row["worker_pid"],
            row["started_at"],
            row["is_short"],
        )

    @property
    def expires_in_s(self) -> float:
        """Return how long after its start the job's deadline is; infinity where it has none."""
        deadline = self.job.deadline_at
        return math.inf if deadline is None else (deadline - self.started_at).total_seconds()


@dataclass(frozen=True)
class Ending:
    """What became of an attempt. `changes` are written to the job with the move."""

    move: Move
    outcome: EndOfAttempt
    error: Mapping[str, str | None] | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)  # Any: column values

    @property
    def kept_error(self) -> Mapping[str, str | None] | None:
        """Return the error as Postgres can hold it: an exception's text may be anything, and must still be written."""
        return None if self.error is None else {k: None if v is None else _storable(v) for k, v in self.error.items()}

    @property
    def public_error(self) -> Mapping[str, str | None] | None:
        """Return the error without its traceback, which stays with the attempt."""
        kept = self.kept_error
        return None if kept is None else {k: v for k, v in kept.items() if k != "traceback"}


@dataclass(frozen=True)
class Ended:
    """The job as it was left, and whether its lane may now go on."""

    job: JobSummary
    rings: bool


def end_attempt(connection: Connection, lease: Lease, ending: Ending) -> Ended | None:
    """Write one ending in the caller's transaction; None when the lease was not ours any more.

    A cancel that was acknowledged beats whatever the attempt came to: the job is then cancelled instead.
    """
    row = _move(connection, lease, ending)
    if row is None and ending.move != Move.STOP:
        ending = Ending(Move.STOP, "cancelled", ending.error)
        row = _move(connection, lease, ending)
    if row is None:
        return None
    connection.execute(
        insert(job_attempts).values(
            lease_token=lease.token,
            job_id=lease.job.id,
            attempt=lease.job.attempt,
            worker_id=lease.worker_id,
            worker_pid=lease.worker_pid,
            started_at=lease.started_at,
            ended_at=statements.NOW,
            outcome=ending.outcome,
            error=ending.kept_error,
        )
    )
    if ending.outcome in RESCUED:
        connection.execute(job_metrics.ADD, job_metrics.event(RESCUED[ending.outcome], lease.job.job_type))
    count_down = statements.count_down_lane(lease.queue, lease.job.user_id)
    was_full = connection.execute(count_down).scalar_one_or_none()
    is_queued_again = ending.move in {Move.GIVE_BACK, Move.LOSE}
    return Ended(summary_of(row), rings=bool(was_full) or is_queued_again)


def _move(connection: Connection, lease: Lease, ending: Ending) -> RowMapping | None:
    values = {"error": ending.public_error} | dict(ending.changes)
    move = statements.move_job(ending.move, lease.job.id, token=lease.token, **values)
    is_end = MOVES[ending.move].target in TERMINAL
    return connection.execute(statements.noted(move, statements.SUMMARY, is_end=is_end)).mappings().one_or_none()


def failure(job: JobSummary, error: Mapping[str, str | None]) -> Ending:
    """Return the ending after a bug: another try with backoff, unless none is left."""
    return try_later(job, error, backoff_s(job, JOB_TYPES[job.job_type].retry_base_s))


def try_later(job: JobSummary, error: Mapping[str, str | None], after_s: float) -> Ending:
    """Return the ending that schedules another try, unless none is left."""
    if job.attempt >= job.max_attempts:
        return Ending(Move.FAIL, "failed", error)
    return Ending(Move.TRY_LATER, "failed", error, {"run_at": datetime.now(UTC) + timedelta(seconds=after_s)})


def loss(lease: Lease, *, is_overdue: bool, is_expired: bool = False) -> Ending:
    """Return the ending of an attempt whose process is gone. is_expired: because of the job's own deadline.

    A short job may have been held together with the one that ended the process. It is not to blame until it has been
    tried alone: the attempt is given back, and it counts as short no more.
    """
    job = lease.job
    if is_overdue:
        return Ending(Move.FAIL, "timed_out", DEADLINE if is_expired else TIME_LIMIT)
    if lease.is_short:
        return Ending(Move.LOSE, "lost", WORKER_LOST, {"attempt": job.attempt - 1, "is_short": False})
    if job.attempt >= job.max_attempts:
        return Ending(Move.FAIL, "lost", WORKER_LOST)
    return Ending(Move.LOSE, "lost", WORKER_LOST)


def backoff_s(job: JobSummary, base_s: float) -> float:
    """Return the wait before the next attempt: doubling, five minutes at most, spread by the job's own id.

    The spread (up to a half more) keeps jobs that failed together from coming back together.
    """
    spread = 1 + (job.id.int % 1_000) / 2_000
    return min(base_s * 2.0 ** (job.attempt - 1), 300.0) * spread


def _storable(text: str) -> str:
    """Return the text with U+0000 and lone surrogates replaced: jsonb refuses both."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
