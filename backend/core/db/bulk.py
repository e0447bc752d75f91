"""The statements of bulk control: many jobs by one filter, some at a time.

No statement here waits for a job that somebody else has locked: it is left out, and its caller comes back for it
alone. So these never take part in a circle of waiting, in whatever order others lock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, any_, func, select

from backend.core.db.statements import SUMMARY, cancel_waiting_jobs, noted, request_cancels, retry_jobs
from backend.core.db.tables import jobs
from backend.core.jobs.lifecycle import MOVES, JobState, Move

CANCELLABLE = MOVES[Move.CANCEL].sources | MOVES[Move.STOP].sources
RETRIABLE = MOVES[Move.RETRY_BY_HAND].sources


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which jobs are meant; `user_id` None means those of all users, an empty part anything."""

    user_id: UUID | None
    states: Collection[JobState]
    job_types: Collection[str] = ()
    batch: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    ids: Sequence[UUID] = ()


@dataclass(frozen=True)
class Chosen:
    id: UUID
    queue: str


def chosen(choice: Choice, limit: int) -> Select[Any]:
    return select(jobs.c.id, jobs.c.queue).where(_meant(choice)).order_by(jobs.c.id).limit(limit)


def chosen_count(choice: Choice) -> Select[Any]:
    return select(func.count()).select_from(jobs).where(_meant(choice))


def cancel_waiting(ids: Sequence[UUID]) -> Select[Any]:
    return noted(cancel_waiting_jobs(_free(ids, MOVES[Move.CANCEL].sources)), SUMMARY, is_end=True)


def request_cancel(ids: Sequence[UUID]) -> Select[Any]:
    return noted(request_cancels(_free(ids, {JobState.RUNNING})), SUMMARY)


def retry(ids: Sequence[UUID]) -> Select[Any]:
    return noted(retry_jobs(_free(ids, RETRIABLE)), SUMMARY)


def _meant(choice: Choice) -> ColumnElement[bool]:
    is_asked_already = and_(jobs.c.state == JobState.RUNNING, jobs.c.cancel_requested_at.is_not(None))
    conditions = [jobs.c.state.in_(sorted(choice.states)), ~is_asked_already]
    if choice.user_id is not None:
        conditions.append(jobs.c.user_id == choice.user_id)
    if choice.job_types:
        conditions.append(jobs.c.job_type.in_(sorted(choice.job_types)))
    if choice.batch is not None:
        conditions.append(jobs.c.batch_id == choice.batch)
    if choice.created_after is not None:
        conditions.append(jobs.c.created_at >= choice.created_after)
    if choice.created_before is not None:
        conditions.append(jobs.c.created_at <= choice.created_before)
    if choice.ids:
        conditions.append(jobs.c.id.in_(choice.ids))
    return and_(*conditions)


def _free(ids: Sequence[UUID], states: Collection[JobState]) -> ColumnElement[bool]:
    """Return the condition for those of the jobs that are in these states, and that nobody has locked."""
    free = select(jobs.c.id).where(jobs.c.id.in_(ids), jobs.c.state.in_(sorted(states)))
    return jobs.c.id == any_(func.array(free.with_for_update(skip_locked=True).scalar_subquery()))
