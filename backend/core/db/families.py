"""Parents and their children: which parents wait for nothing any more, and which children nobody waits for.

What is asked here only ever becomes true: no child is added to a fan-out, and none of its children starts again. So
whoever finds a parent due may move it with a later statement; the fan-out's token tells whether it is still the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, Select, Uuid, and_, cast, exists, func, or_, select, text, update

from backend.core.db.statements import NOW, SUMMARY, cancel_waiting_jobs, move_job, noted, request_cancels
from backend.core.db.tables import jobs
from backend.core.jobs.lifecycle import MOVES, UNFINISHED, JobState, Move

PROGRESS_EVERY_S = 0.5
ABANDONED = {"code": "abandoned", "message": "the job that this one is a part of has ended"}

_UNFINISHED = ", ".join(f"'{state}'" for state in sorted(UNFINISHED))
_LOOK_AT_PARENTS = f"""
SELECT p.id, p.fan_out->>'token' AS token,
  bad.id AS bad_id, bad.child_index AS bad_index, bad.job_type AS bad_type, bad.state AS bad_state,
  bad.error AS bad_error,
  p.changed_at < clock_timestamp() - make_interval(secs => {PROGRESS_EVERY_S}) AS is_stale,
  NOT EXISTS (SELECT 1 FROM jobs c WHERE c.parent_id = p.id AND c.state IN ({_UNFINISHED})
                AND c.parent_token = CAST(p.fan_out->>'token' AS uuid)) AS is_done
FROM jobs p LEFT JOIN LATERAL (
  SELECT c.id, c.child_index, c.job_type, c.state, c.error FROM jobs c
  WHERE p.fan_out->>'on_child_failure' = 'fail' AND c.parent_id = p.id AND c.state IN ('failed', 'cancelled')
    AND c.parent_token = CAST(p.fan_out->>'token' AS uuid)
  ORDER BY c.finished_at, c.child_index LIMIT 1) bad ON true
WHERE p.state = 'waiting'
"""  # noqa: S608 - made of the lifecycle's own words
PARENTS = text(f"{_LOOK_AT_PARENTS} AND p.id = ANY (CAST(:ids AS uuid[]))")
"""How the waiting ones of these jobs stand with their children."""

DUE_PARENTS = text(f"SELECT * FROM ({_LOOK_AT_PARENTS}) p WHERE is_done OR bad_id IS NOT NULL LIMIT :limit")  # noqa: S608
"""The waiting jobs that have nothing to wait for, though nobody told them."""


def wake_parent(job_id: UUID, token: str) -> Select[Any]:
    woken = move_job(Move.WAKE, job_id, progress=1.0, run_at=NOW)
    return noted(woken.where(_token_of_fan_out() == token), SUMMARY)


def fail_parent(job_id: UUID, token: str, error: Mapping[str, str]) -> Select[Any]:
    """Fail a job that waits, since a child that it cannot do without did not succeed."""
    failed = move_job(Move.GIVE_UP, job_id, error=error)
    return noted(failed.where(jobs.c.state == JobState.WAITING, _token_of_fan_out() == token), SUMMARY, is_end=True)


def report_children(job_id: UUID, token: str) -> Executable:
    """Write down how many of a waiting job's children have ended, unless something was written just now."""
    child = jobs.alias("child")
    ended = select(func.count()).where(
        child.c.parent_id == job_id,
        child.c.parent_token == UUID(token),
        child.c.state.not_in(sorted(UNFINISHED)),
    )
    total = cast(jobs.c.fan_out["children"].astext, jobs.c.progress.type)
    fraction = func.least(ended.scalar_subquery() / total, 1.0)
    is_stale = jobs.c.changed_at < NOW - func.make_interval(0, 0, 0, 0, 0, 0, PROGRESS_EVERY_S)
    return (
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.WAITING, _token_of_fan_out() == token, is_stale)
        .values(progress=fraction, version=jobs.c.version + 1, changed_at=NOW)
        .returning(*SUMMARY)
    )


def cancel_abandoned(parent_ids: Sequence[UUID] | None, limit: int) -> Select[Any]:
    """End the children that wait although their parent has ended, or has started anew; None: whosever they are."""
    these = jobs.c.id.in_(_abandoned(parent_ids, MOVES[Move.CANCEL].sources, limit))
    return noted(cancel_waiting_jobs(these).values(error=ABANDONED), SUMMARY, is_end=True)


def ask_abandoned(parent_ids: Sequence[UUID] | None, limit: int) -> Select[Any]:
    """Ask the children that run to stop, where their parent has ended or has started anew."""
    these = jobs.c.id.in_(_abandoned(parent_ids, frozenset({JobState.RUNNING}), limit))
    return noted(request_cancels(these), SUMMARY)


def children_of(parent_id: UUID, token: UUID) -> Select[Any]:
    """Select the children of one fan-out in their order, without payloads and results."""
    mine = (jobs.c.parent_id == parent_id) & (jobs.c.parent_token == token)
    return select(*SUMMARY).where(mine).order_by(jobs.c.child_index)


def _abandoned(parent_ids: Sequence[UUID] | None, states: frozenset[JobState], limit: int) -> Select[Any]:
    """Select unfinished children without a parent that waits for them, and lock them in their order."""
    child, parent = jobs.alias("child"), jobs.alias("parent")
    is_waited_for = exists().where(
        parent.c.id == child.c.parent_id,
        parent.c.finished_at.is_(None),
        cast(parent.c.fan_out["token"].astext, Uuid) == child.c.parent_token,
    )
    conditions = [child.c.parent_id.is_not(None), child.c.finished_at.is_(None), child.c.state.in_(sorted(states))]
    if parent_ids is not None:
        conditions.append(child.c.parent_id.in_(parent_ids))
    if states == {JobState.RUNNING}:
        conditions.append(child.c.cancel_requested_at.is_(None))
    found = select(child.c.id).where(and_(*conditions), or_(~is_waited_for))
    return found.order_by(child.c.id).limit(limit).with_for_update()


def _token_of_fan_out() -> Any:  # Any: an SQL expression
    return jobs.c.fan_out["token"].astext
