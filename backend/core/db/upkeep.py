"""What keepers and the relay ask of jobs: leases, due times, deadlines, missed announcements, lost doorbells.

Pure builders, as in `statements`. All clocks are Postgres's own.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Update, any_, func, literal, select, text, update

from backend.core.db.statements import NOW, SUMMARY, move_jobs, noted
from backend.core.db.tables import job_lanes, job_outbox, jobs
from backend.core.jobs.lifecycle import MOVES, JobState, Move

IS_EXPIRED = func.coalesce(jobs.c.deadline_at <= func.least(NOW, jobs.c.attempt_ends_by), literal(value=False)).label(
    "is_expired"
)
"""Whether the attempt's time is over because the job's own deadline has passed."""


def running_of(worker_id: str) -> Select[Any]:
    """Select what a worker runs, and what of it is over its time or was asked to stop."""
    return select(
        *SUMMARY,
        (jobs.c.attempt_ends_by < NOW).label("is_overdue"),
        (NOW - jobs.c.attempt_ends_by).label("overdue_for"),
        IS_EXPIRED,
        (NOW - jobs.c.cancel_requested_at).label("cancel_age"),
    ).where(jobs.c.state == JobState.RUNNING, jobs.c.worker_id == worker_id)


def renew_leases(tokens: Sequence[UUID], lease_s: float) -> Update:
    """Renew leases, but never past the end of the attempt's time."""
    until = func.least(NOW + func.make_interval(0, 0, 0, 0, 0, 0, lease_s), jobs.c.attempt_ends_by)
    return (
        update(jobs)
        .where(jobs.c.state == JobState.RUNNING, jobs.c.lease_token.in_(tokens))
        .values(lease_until=until)
        .returning(jobs.c.id)
    )


def expired_leases(limit: int, keepers_time_s: float) -> Select[Any]:
    """Select leases that ran out.

    A lease never outlasts the attempt's time, and then the keeper ends the child that holds it. It gets some time for
    that: were the job moved first, the keeper would have no reason to, and the child would compute on.
    """
    given = func.make_interval(0, 0, 0, 0, 0, 0, keepers_time_s)
    is_keepers = func.coalesce(jobs.c.attempt_ends_by.between(NOW - given, NOW), literal(value=False))
    return (
        select(*SUMMARY, (jobs.c.attempt_ends_by <= NOW).label("is_overdue"), IS_EXPIRED)
        .where(jobs.c.state == JobState.RUNNING, jobs.c.lease_until < NOW, ~is_keepers)
        .limit(limit)
    )


def expired_lease(token: UUID, keepers_time_s: float) -> Select[Any]:
    """Select and lock one lease, if it has run out still."""
    return expired_leases(1, keepers_time_s).where(jobs.c.lease_token == token).with_for_update(of=jobs)


def expired_jobs(limit: int, error: Mapping[str, str]) -> Select[Any]:
    """Fail the jobs that wait and whose deadline has passed."""
    expired = (
        select(jobs.c.id)
        .where(jobs.c.deadline_at <= NOW, jobs.c.finished_at.is_(None))
        .where(jobs.c.state.in_(sorted(MOVES[Move.GIVE_UP].sources)))
        .order_by(jobs.c.deadline_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    these = jobs.c.id == any_(func.array(expired.scalar_subquery()))
    return noted(move_jobs(Move.GIVE_UP, these, error=error), SUMMARY, is_end=True)


def due_jobs(limit: int) -> Select[Any]:
    """Queue the scheduled jobs whose time has come."""
    due = (
        select(jobs.c.id)
        .where(jobs.c.state == JobState.SCHEDULED, jobs.c.run_at <= NOW)
        .order_by(jobs.c.run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return noted(
        update(jobs)
        .where(jobs.c.id.in_(due.scalar_subquery()), jobs.c.state == JobState.SCHEDULED)
        .values(state=MOVES[Move.FALL_DUE].target, version=jobs.c.version + 1, changed_at=NOW),
        SUMMARY,
    )


def unannounced_jobs(older_than_s: float, limit: int) -> Select[Any]:
    """Select jobs whose last change was not announced, though there was time enough."""
    settled = job_outbox.c.changed_at < NOW - func.make_interval(0, 0, 0, 0, 0, 0, older_than_s)
    return select(*SUMMARY).join_from(job_outbox, jobs, jobs.c.id == job_outbox.c.job_id).where(settled).limit(limit)


UNHURRIED = text("SET LOCAL synchronous_commit = off")
"""For a transaction that a crash of Postgres may swallow."""

FORGET_TOLD = text(
    """
DELETE FROM job_outbox WHERE job_id IN (
  SELECT o.job_id FROM job_outbox o
  JOIN unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[])) AS told(id, version)
    ON o.job_id = told.id AND o.version <= told.version
  FOR UPDATE OF o SKIP LOCKED)
RETURNING set_config('synchronous_commit', 'off', true)
"""
)
"""Take what was announced out of the outbox. A row that is locked has a newer change on its way: it stays.

The commit does not wait for the disk: what a crash of Postgres puts back is told once more.
"""

RECOUNT_LANES = text(
    """
UPDATE job_lanes l SET running = c.running
FROM (SELECT k.queue, k.user_id,
        (SELECT count(*) FROM jobs j
         WHERE j.queue = k.queue AND j.user_id = k.user_id AND j.state = 'running') AS running
      FROM job_lanes k WHERE k.queue = :queue AND k.user_id = :user_id) c
WHERE l.queue = c.queue AND l.user_id = c.user_id AND l.running <> c.running
"""
)
"""Count one lane's running jobs anew; run it in a fresh statement, after `lock_lane`."""


def lock_lane(queue: str, user_id: UUID) -> Select[Any]:
    mine = (job_lanes.c.queue == queue) & (job_lanes.c.user_id == user_id)
    return select(job_lanes.c.running).where(mine).with_for_update(key_share=True)


def doubtful_lanes() -> Select[Any]:
    """Select lanes whose count differs from the rows at this moment; most are merely in motion."""
    actual = (
        select(func.count())
        .where(jobs.c.queue == job_lanes.c.queue, jobs.c.user_id == job_lanes.c.user_id)
        .where(jobs.c.state == JobState.RUNNING)
        .scalar_subquery()
    )
    return select(job_lanes.c.queue, job_lanes.c.user_id).where(job_lanes.c.running != actual)


CLAIMABLE = text(
    """
SELECT l.queue, sum(CASE WHEN l.max_running IS NULL THEN q.queued
                         ELSE LEAST(q.queued, GREATEST(l.max_running - l.running, 0)) END)::bigint AS jobs
FROM job_lanes l
JOIN (SELECT queue, user_id, count(*) AS queued FROM jobs WHERE state = 'queued' GROUP BY 1, 2) q
  USING (queue, user_id)
WHERE NOT EXISTS (SELECT 1 FROM queue_controls p WHERE p.queue = l.queue AND p.is_paused)
GROUP BY 1
"""
)
"""How many jobs of each queue a worker could claim at this moment."""
