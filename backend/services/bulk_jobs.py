"""Cancelling and retrying many jobs at once, chosen by a filter and confirmed by their number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, RowMapping, Select
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db import batches, bulk, lanes, statements
from backend.core.db.aftermath import Ended
from backend.core.db.bulk import Choice
from backend.core.errors import Invalid, NotConfirmed
from backend.core.jobs.job import summary_of
from backend.core.jobs.lifecycle import JobState
from backend.core.logging import get_logger
from backend.core.user import User
from backend.services.admission import Admission
from backend.services.aftermath import settle
from backend.services.announcer import Announcer, Change
from backend.settings import JobSettings

AT_ONCE = 500
"""How many jobs one transaction changes: a few dozen milliseconds, in which nobody else can have them."""

log = get_logger(__name__)


@dataclass(frozen=True)
class BulkOutcome:
    """What became of the jobs that a filter matched. Those neither ended, asked nor queued had moved on by then."""

    matched: int
    is_dry_run: bool = False
    cancelled: int = 0
    asked_to_stop: int = 0
    queued: int = 0

    @property
    def skipped(self) -> int:
        return 0 if self.is_dry_run else self.matched - self.cancelled - self.asked_to_stop - self.queued


@dataclass(frozen=True)
class _Way:
    """How jobs are changed: by the thousand, and one by one where somebody else held them at that moment."""

    together: Sequence[Callable[[Sequence[UUID]], Select[Any]]]
    alone: Sequence[Callable[[UUID], Select[Any]]]
    rings: bool = False
    afterwards: Sequence[Callable[[Sequence[UUID]], Executable]] = field(default=())
    """In the same transaction, for the jobs that were moved."""


class BulkJobs:
    def __init__(self, engine: AsyncEngine, announcer: Announcer, admission: Admission, limits: JobSettings) -> None:
        self._engine = engine
        self._announcer = announcer
        self._admission = admission
        self._limits = limits

    async def cancel(self, user: User, choice: Choice, confirm: int | None) -> BulkOutcome:
        """End those that wait and ask those that run to stop; without a number, only count them."""
        ids = [row.id for row in await self._confirmed(choice, confirm)]
        if confirm is None:
            return BulkOutcome(len(ids), is_dry_run=True)
        way = _Way([bulk.cancel_waiting, bulk.request_cancel], [statements.cancel_waiting, statements.request_cancel])
        states = await self._change(ids, way)
        ended = states.count(JobState.CANCELLED)
        log.info("jobs_bulk_cancelled", by=user.name, matched=len(ids), cancelled=ended, changed=len(states))
        return BulkOutcome(len(ids), cancelled=ended, asked_to_stop=len(states) - ended)

    async def retry(self, user: User, choice: Choice, confirm: int | None) -> BulkOutcome:
        """Queue failed and cancelled jobs once more; without a number, only count them."""
        chosen = await self._confirmed(choice, confirm)
        if confirm is None:
            return BulkOutcome(len(chosen), is_dry_run=True)
        await self._admission.admit_again(user, [row.queue for row in chosen], is_own=choice.user_id == user.id)
        way = _Way(
            [bulk.retry],
            [statements.retry_by_hand],
            rings=True,
            afterwards=[lambda moved: lanes.open_lanes_of(moved, self._limits), batches.reopen_batches_of],
        )
        queued = len(await self._change([row.id for row in chosen], way))
        log.info("jobs_bulk_retried", by=user.name, matched=len(chosen), queued=queued)
        return BulkOutcome(len(chosen), queued=queued)

    async def _confirmed(self, choice: Choice, confirm: int | None) -> Sequence[bulk.Chosen]:
        """Return the jobs that match, if they are as many as was confirmed (or nothing was)."""
        most = self._limits.max_bulk_jobs
        async with self._engine.connect() as connection:
            rows = (await connection.execute(bulk.chosen(choice, most + 1))).all()
            count = len(rows)
            if count > most:
                count = (await connection.execute(bulk.chosen_count(choice))).scalar_one()
        if count > most:
            raise Invalid(f"expected a filter that matches at most {most} jobs, it matches {count}: narrow it")
        if confirm is not None and confirm != count:
            raise NotConfirmed(f"the filter matches {count} jobs and confirm was {confirm}: nothing was changed")
        return [bulk.Chosen(row.id, row.queue) for row in rows]

    async def _change(self, ids: Sequence[UUID], way: _Way) -> list[str]:
        """Change these jobs, some at a time, and tell of each; return the states that they have now."""
        states: list[str] = []
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            rows = await self._in_one([statement(some) for statement in way.together], way)
            changed = {row["id"] for row in rows}
            for job_id in some:
                if job_id not in changed:
                    rows += await self._in_one([statement(job_id) for statement in way.alone], way)
            for row in rows:
                self._announcer.tell(Change(summary_of(row), row["queue"] if way.rings else None))
            ended = [Ended.of_row(row) for row in rows if row["finished_at"] is not None]
            await settle(self._engine, self._announcer, ended)
            states += [row["state"] for row in rows]
        return states

    async def _in_one(self, moves: Sequence[Select[Any]], way: _Way) -> list[RowMapping]:
        rows: list[RowMapping] = []
        async with self._engine.begin() as connection:
            for move in moves:
                rows += (await connection.execute(move)).mappings().all()
            if rows:
                for statement in way.afterwards:
                    await connection.execute(statement([row["id"] for row in rows]))
        return rows
