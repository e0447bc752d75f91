"""The statements on jobs, as pure builders: the same run in async and in sync sessions.

Every write of a state is a compare-and-set from the lifecycle's table: `move_job` for one job, `move_jobs` for those
that a condition names, `claims` for those that are found as they are moved. All clocks are Postgres's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    Select,
    Update,
    Uuid,
    bindparam,
    func,
    literal,
    null,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.sql.dml import ReturningUpdate

from backend.core.db.hook_deliveries import deliveries_of
from backend.core.db.tables import job_attempts, job_lanes, job_outbox, jobs
from backend.core.jobs.lifecycle import MOVES, TERMINAL, JobState, Move

NOW = func.clock_timestamp()
NO_LEASE: Mapping[str, None] = dict.fromkeys(
    ("lease_token", "lease_until", "attempt_ends_by", "worker_id", "worker_pid")
)
FORGOTTEN_BY_RETRY = (
    "finished_at",
    "result",
    "error",
    "cancel_requested_at",
    "deadline_at",
    "stage",
    "counters",
    "summary",
    "fan_out",
)
SUMMARY = tuple(column for column in jobs.c if column.name not in {"payload", "result"})


def insert_job(values: Mapping[str, Any]) -> Select[Any]:  # Any: a column's value, of the column's type
    """Insert a job; no row comes back when its idempotency key is already taken."""
    added = insert(jobs).values(**values)
    return noted(
        added.on_conflict_do_nothing(
            index_elements=["user_id", "idempotency_key"], index_where=text("idempotency_key IS NOT NULL")
        )
    )


def noted(
    change: Insert | Update, columns: Sequence[Column[Any]] = tuple(jobs.c), *, is_end: bool = False
) -> Select[Any]:
    """Return a change of jobs that is noted in the outbox with it, and answers with these columns of the rows.

    is_end: the jobs may have ended by it; their owners' webhooks are then told, by the same statement.
    """
    changed = change.returning(*columns).cte("changed")
    note = insert(job_outbox).from_select(["job_id", "version"], select(changed.c.id, changed.c.version))
    newest = {"version": note.excluded.version, "changed_at": NOW}
    told = [note.on_conflict_do_update(index_elements=["job_id"], set_=newest).cte("note")]
    if is_end:
        told.append(deliveries_of(changed).cte("hooked"))
    return select(changed).add_cte(*told)


def open_lane(queue: str, user_id: UUID, max_running: int | None) -> Executable:
    """Make sure that the user has a lane in the queue, with today's cap, and keeps it until the transaction ends.

    To be run after the job's insert: all that wait for both lock the job first, and so never deadlock. (A claim
    locks the lane first, and skips jobs that are locked instead of waiting for them.)
    """
    return OPEN_LANE.bindparams(queue=queue, user_id=user_id, max_running=max_running)


OPEN_LANE = text(
    """
WITH kept AS MATERIALIZED (
  SELECT 1 FROM job_lanes
  WHERE queue = :queue AND user_id = :user_id AND max_running IS NOT DISTINCT FROM CAST(:max_running AS int)
  FOR KEY SHARE
)
INSERT INTO job_lanes (queue, user_id, max_running)
SELECT :queue, :user_id, CAST(:max_running AS int) WHERE NOT EXISTS (SELECT 1 FROM kept)
ON CONFLICT (queue, user_id) DO UPDATE SET max_running = excluded.max_running
"""
).bindparams(bindparam("user_id", type_=Uuid))
"""FOR KEY SHARE lets claims and other submits pass, but not the relay's deletion of idle lanes (docs/adr/0016)."""


def job_by_key(user_id: UUID, key: str) -> Select[Any]:
    return select(jobs).where(jobs.c.user_id == user_id, jobs.c.idempotency_key == key)


def job_by_id(job_id: UUID, *, user_id: UUID | None) -> Select[Any]:
    """Select one job; a user id narrows it to that user's own."""
    return _owned(select(jobs), user_id).where(jobs.c.id == job_id)


def lock_job(job_id: UUID) -> Select[Any]:
    """Lock one job, so that nobody moves it between the statements that follow."""
    return select(jobs.c.id).where(jobs.c.id == job_id).with_for_update(key_share=True)


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs a list shows; `user_id` None means those of all users."""

    user_id: UUID | None
    states: Sequence[JobState] = field(default=())
    job_type: str | None = None
    schedule_id: UUID | None = None
    batch_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


def list_jobs(wanted: JobFilter) -> Select[Any]:
    """Select the newest jobs first, without payloads and results."""
    statement = _owned(select(*SUMMARY), wanted.user_id)
    if wanted.states:
        statement = statement.where(jobs.c.state.in_(wanted.states))
    if wanted.job_type is not None:
        statement = statement.where(jobs.c.job_type == wanted.job_type)
    if wanted.schedule_id is not None:
        statement = statement.where(jobs.c.schedule_id == wanted.schedule_id)
    if wanted.batch_id is not None:
        statement = statement.where(jobs.c.batch_id == wanted.batch_id)
    if wanted.created_after is not None:
        statement = statement.where(jobs.c.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(jobs.c.created_at <= wanted.created_before)
    if wanted.before is not None:
        statement = statement.where(tuple_(jobs.c.created_at, jobs.c.id) < tuple_(*map(literal, wanted.before)))
    return statement.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(wanted.limit)


def unfinished_jobs(user_id: UUID | None, limit: int) -> Select[Any]:
    unfinished = jobs.c.finished_at.is_(None)
    return _owned(select(*SUMMARY), user_id).where(unfinished).order_by(jobs.c.created_at.desc()).limit(limit)


def attempts_of(job_id: UUID) -> Select[Any]:
    return select(job_attempts).where(job_attempts.c.job_id == job_id).order_by(job_attempts.c.started_at)


def move_job(move: Move, job_id: UUID, *, token: UUID | None = None, **values: Any) -> Update:  # Any: column values
    """Move one job, if it is in a state that the move may start from (and under that lease, when given).

    A running job whose cancel was requested can only be stopped.
    """
    statement = move_jobs(move, jobs.c.id == job_id, **values)
    return statement if token is None else statement.where(jobs.c.lease_token == token)


def move_jobs(move: Move, which: ColumnElement[bool], **values: Any) -> Update:  # Any: column values
    """Move those of these jobs that are in a state that the move may start from."""
    transition = MOVES[move]
    changes: dict[str, Any] = {"state": transition.target, "version": jobs.c.version + 1, "changed_at": NOW}
    if JobState.RUNNING in transition.sources:
        changes |= NO_LEASE
    if transition.target in TERMINAL:
        changes["finished_at"] = NOW
    statement = update(jobs).where(which, jobs.c.state.in_(sorted(transition.sources)))
    if JobState.RUNNING in transition.sources and move != Move.STOP:
        statement = statement.where(jobs.c.cancel_requested_at.is_(None))
    return statement.values(**(changes | values))


def cancel_waiting(job_id: UUID) -> Select[Any]:
    return noted(cancel_waiting_jobs(jobs.c.id == job_id), is_end=True)


def cancel_waiting_jobs(which: ColumnElement[bool]) -> Update:
    # One moment for both: the clock may tick between two columns of a row.
    moment = func.statement_timestamp()
    return move_jobs(Move.CANCEL, which, cancel_requested_at=moment, finished_at=moment)


def request_cancel(job_id: UUID) -> Select[Any]:
    """Ask a running job to stop; asking twice changes nothing."""
    return noted(request_cancels(jobs.c.id == job_id))


def request_cancels(which: ColumnElement[bool]) -> Update:
    return (
        update(jobs)
        .where(which, jobs.c.state == JobState.RUNNING, jobs.c.cancel_requested_at.is_(None))
        .values(cancel_requested_at=NOW, version=jobs.c.version + 1, changed_at=NOW)
    )


def retry_by_hand(job_id: UUID) -> Select[Any]:
    """Queue an ended job once more. Its lane may be gone: `lanes.open_lanes_of` belongs in the same transaction."""
    return noted(retry_jobs(jobs.c.id == job_id))


def retry_jobs(which: ColumnElement[bool]) -> Update:
    """Queue ended jobs once more, but for children: those are tried again with their parent, which starts anew."""
    return move_jobs(
        Move.RETRY_BY_HAND,
        which & jobs.c.parent_id.is_(None),
        **dict.fromkeys(FORGOTTEN_BY_RETRY),
        progress=0.0,
        run_at=NOW,
        max_attempts=func.greatest(jobs.c.max_attempts, jobs.c.attempt + 1),
    )


def report_progress(
    job_id: UUID, token: UUID, fraction: float, stage: str | None, counters: Mapping[str, float] | None = None
) -> ReturningUpdate[Any]:
    said = {"progress": fraction, "stage": stage, "counters": null() if counters is None else dict(counters)}
    return (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.lease_token == token)
        .values(**said, version=jobs.c.version + 1, changed_at=NOW)
        .returning(*SUMMARY)
    )


def cancel_wanted(job_id: UUID, token: UUID) -> Select[Any]:
    """Select whether a cancel was requested; no row: the lease is lost."""
    return select(jobs.c.cancel_requested_at.is_not(None)).where(jobs.c.id == job_id, jobs.c.lease_token == token)


def count_down_lane(queue: str, user_id: UUID) -> Update:
    """Count one running job less; the answer says whether the lane had been at its cap."""
    return (
        update(job_lanes)
        .where(job_lanes.c.queue == queue, job_lanes.c.user_id == user_id)
        .values(running=func.greatest(job_lanes.c.running - 1, 0))
        .returning(func.coalesce(job_lanes.c.running + 1 >= job_lanes.c.max_running, literal(value=False)))
    )


def _owned(statement: Select[Any], user_id: UUID | None) -> Select[Any]:
    return statement if user_id is None else statement.where(jobs.c.user_id == user_id)
