"""The statements on batches, as pure builders. How a batch's jobs are is asked of the jobs: there are no counters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, Select, Update, exists, func, literal, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.db.control_tables import job_batches
from backend.core.db.statements import NOW, SUMMARY, cancel_waiting_jobs, noted, request_cancels
from backend.core.db.tables import jobs
from backend.core.jobs.lifecycle import UNFINISHED


def insert_batch(values: Mapping[str, Any]) -> Executable:  # Any: column values
    """Insert a batch; no row comes back when its idempotency key is already taken."""
    return (
        insert(job_batches)
        .values(**values)
        .on_conflict_do_nothing(
            index_elements=["user_id", "idempotency_key"], index_where=text("idempotency_key IS NOT NULL")
        )
        .returning(job_batches)
    )


def batch_by_key(user_id: UUID, key: str) -> Select[Any]:
    return select(job_batches).where(job_batches.c.user_id == user_id, job_batches.c.idempotency_key == key)


def batch_by_id(batch_id: UUID, *, user_id: UUID | None) -> Select[Any]:
    """Select one batch; a user id narrows it to that user's own."""
    return _owned(select(job_batches), user_id).where(job_batches.c.id == batch_id)


@dataclass(frozen=True, kw_only=True)
class BatchFilter:
    """Which batches a list shows; `user_id` None means those of all users."""

    user_id: UUID | None
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


def list_batches(wanted: BatchFilter) -> Select[Any]:
    """Select the newest batches first."""
    statement = _owned(select(job_batches), wanted.user_id)
    if wanted.before is not None:
        place = tuple_(job_batches.c.created_at, job_batches.c.id)
        statement = statement.where(place < tuple_(*map(literal, wanted.before)))
    return statement.order_by(job_batches.c.created_at.desc(), job_batches.c.id.desc()).limit(wanted.limit)


def state_counts(batch_ids: Sequence[UUID]) -> Select[Any]:
    """Count the jobs of batches by state, in one look."""
    return (
        select(jobs.c.batch_id, jobs.c.state, func.count().label("jobs"))
        .where(jobs.c.batch_id.in_(batch_ids))
        .group_by(jobs.c.batch_id, jobs.c.state)
    )


def jobs_of(batch_id: UUID) -> Select[Any]:
    """Select the ids of a batch's jobs; they were drawn in the order of submission."""
    return select(jobs.c.id).where(jobs.c.batch_id == batch_id).order_by(jobs.c.id)


def complete_batches(batch_ids: Sequence[UUID] | None, limit: int) -> Select[Any]:
    """Select open batches of which no job is unfinished; None: whichever there are."""
    unfinished = exists().where(jobs.c.batch_id == job_batches.c.id, jobs.c.state.in_(sorted(UNFINISHED)))
    statement = select(job_batches.c.id, job_batches.c.reopened_count)
    statement = statement.where(job_batches.c.finished_at.is_(None), ~unfinished)
    if batch_ids is not None:
        statement = statement.where(job_batches.c.id.in_(batch_ids))
    return statement.limit(limit)


def finish_batch(batch_id: UUID, reopened_count: int) -> Executable:
    """Finish a batch that was found complete, unless it was reopened meanwhile."""
    return (
        update(job_batches)
        .where(
            job_batches.c.id == batch_id,
            job_batches.c.finished_at.is_(None),
            job_batches.c.reopened_count == reopened_count,
        )
        .values(finished_at=NOW)
        .returning(job_batches)
    )


def reopen_batches_of(job_ids: Sequence[UUID]) -> Update:
    """Open the batches of these jobs again, in the transaction that queues the jobs once more.

    The count is what `finish_batch` compares: who looked before this commit finishes nothing after it.
    """
    mine = select(jobs.c.batch_id).where(jobs.c.id.in_(job_ids), jobs.c.batch_id.is_not(None))
    # In their order: two who reopen the same ones never wait for each other.
    locked = select(job_batches.c.id).where(job_batches.c.id.in_(mine)).order_by(job_batches.c.id).with_for_update()
    return (
        update(job_batches)
        .where(job_batches.c.id.in_(locked))
        .values(finished_at=None, announced_at=None, reopened_count=job_batches.c.reopened_count + 1)
    )


def unannounced_batches(older_than_s: float, limit: int) -> Select[Any]:
    settled = job_batches.c.finished_at < NOW - func.make_interval(0, 0, 0, 0, 0, 0, older_than_s)
    return select(job_batches).where(settled, job_batches.c.announced_at.is_(None)).limit(limit)


def mark_announced(ends: Sequence[tuple[UUID, datetime]]) -> Update:
    """Note that these ends of batches were told; an end after a reopening is another one."""
    return (
        update(job_batches)
        .where(tuple_(job_batches.c.id, job_batches.c.finished_at).in_(ends))
        .values(announced_at=NOW)
    )


def lock_unfinished_of(batch_id: UUID) -> Select[Any]:
    """Lock a batch's unfinished jobs, in their order: nobody moves them between the two statements of a cancel."""
    unfinished = jobs.c.state.in_(sorted(UNFINISHED))
    mine = select(jobs.c.id).where(jobs.c.batch_id == batch_id, unfinished)
    return mine.order_by(jobs.c.id).with_for_update(key_share=True)


def cancel_waiting_of(batch_id: UUID) -> Select[Any]:
    """End all jobs of a batch that wait; to be run after `lock_unfinished_of`."""
    return noted(cancel_waiting_jobs(jobs.c.batch_id == batch_id), SUMMARY, is_end=True)


def ask_running_of(batch_id: UUID) -> Select[Any]:
    """Ask all jobs of a batch that run to stop; to be run after the same."""
    return noted(request_cancels(jobs.c.batch_id == batch_id), SUMMARY)


def _owned(statement: Select[Any], user_id: UUID | None) -> Select[Any]:
    return statement if user_id is None else statement.where(job_batches.c.user_id == user_id)
