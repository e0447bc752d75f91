"""The use cases of jobs."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.core.db import statements
from backend.core.db.aftermath import Ended
from backend.core.db.batches import reopen_batches_of
from backend.core.db.bulk import RETRIABLE
from backend.core.db.families import children_of
from backend.core.db.lanes import open_lanes_of
from backend.core.db.lines import AsyncLine
from backend.core.db.many_jobs import NewJob, Proof, insert_jobs
from backend.core.db.reuse import HAVE_CANDIDATES, insert_answered
from backend.core.db.statements import JobFilter
from backend.core.errors import Conflict, Invalid, KeyReused, NotFound, Unauthenticated
from backend.core.jobs.attempt import Attempt, attempt_of, open_attempt
from backend.core.jobs.job import JobSummary, JobView, summary_of, view_of
from backend.core.jobs.lifecycle import TERMINAL, JobState
from backend.core.jobs.submission import Submission, lane_cap, reproduction_of
from backend.core.user import User
from backend.services.admission import Admission
from backend.services.aftermath import settle
from backend.services.announcer import Announcer, Change
from backend.services.coalescing import Coalescer
from backend.settings import JobSettings

MAX_INSERTS = 100


@dataclass(frozen=True)
class Page:
    jobs: Sequence[JobSummary]
    next_cursor: str | None


class Jobs:
    """What a user may do with jobs. `every` widens a use case from one's own jobs to all (admins only)."""

    def __init__(self, engine: AsyncEngine, announcer: Announcer, admission: Admission, limits: JobSettings) -> None:
        self._engine = engine
        self._announcer = announcer
        self._admission = admission
        self._limits = limits
        self._line, self._looking = AsyncLine(engine), AsyncLine(engine)
        self._answers = Coalescer(self._have_answers, at_most=MAX_INSERTS)
        self._inserts = Coalescer(self._insert, at_most=MAX_INSERTS)

    async def close(self) -> None:
        await self._line.close()
        await self._looking.close()

    async def submit(self, user: User, wanted: Submission, key: str | None, *, proof: Proof | None = None) -> JobView:
        """Record a job and ring for it; the same key with the same body answers with the first job.

        proof: for a user who is known from memory. Raises Unauthenticated when nothing was recorded: it may be void.
        """
        new = NewJob(wanted.new_row(user, key), lane_cap(user, self._limits), proof)
        if wanted.may_reuse and (answered := await self._answered(user, wanted, new)) is not None:
            return answered
        return await self._added(user, wanted, key, new)

    async def reproduce(self, user: User, job_id: UUID, key: str | None = None) -> JobView:
        """Record a job that runs the record of one's own succeeded job again, and compares."""
        async with self._engine.connect() as connection:
            row = await self._seen_row(connection, user, job_id, every=False)
        wanted = reproduction_of(row)
        return await self._added(user, wanted, key, NewJob(wanted.new_row(user, key), lane_cap(user, self._limits)))

    async def _added(self, user: User, wanted: Submission, key: str | None, new: NewJob) -> JobView:
        """Record a job and ring for it; a key that is taken answers with its own job."""
        await self._admission.admit(user, [wanted], key)
        added = await self._inserts.ask(new)
        if isinstance(added, DBAPIError):
            raise added
        if added is None and new.proof is not None:
            raise Unauthenticated("the bearer token is not known any more, or the idempotency key is")
        if added is None:
            return await self._first_of(user, wanted, key)
        job = view_of({**added, "payload": new.values["payload"], "result": None})
        self._announcer.tell(Change(job, bell=wanted.spec.queue if job.state == JobState.QUEUED else None))
        return job

    async def _answered(self, user: User, wanted: Submission, new: NewJob) -> JobView | None:
        """Return the job, born with an earlier result that answers it; None when there is none, or its key is taken."""
        if wanted.reuse_key is None or not await self._answers.ask((user.id, wanted.reuse_key)):
            return None
        async with self._engine.begin() as connection:
            row = await connection.run_sync(insert_answered, user.id, wanted, new)
        if row is None:
            return None
        job = view_of(row)
        self._announcer.tell(Change(job))
        return job

    async def _have_answers(self, asked: Sequence[tuple[UUID, bytes]]) -> Sequence[bool]:
        """Tell for each user and key whether there is an earlier job that may do."""
        values = {"users": [user_id for user_id, _ in asked], "keys": [key for _, key in asked]}
        found = {row["place"] for row in await self._looking.rows(HAVE_CANDIDATES, values)}
        return [place in found for place in range(1, len(asked) + 1)]

    async def _insert(self, new: Sequence[NewJob]) -> Sequence[RowMapping | DBAPIError | None]:
        """Insert jobs of any users in one transaction; one that the database refuses is refused alone."""
        try:
            rows = await self._line.rows(insert_jobs(new))
        except (IntegrityError, DataError) as error:
            return [error] if len(new) == 1 else [(await self._insert([one]))[0] for one in new]
        by_id = {row["id"]: row for row in rows}
        return [by_id.get(one.values["id"]) for one in new]

    async def get(self, user: User, job_id: UUID, *, every: bool = False) -> JobView:
        async with self._engine.connect() as connection:
            return await self._seen(connection, user, job_id, every=every)

    async def find(self, wanted: JobFilter) -> Page:
        """Return one page, newest first, and the cursor of the next."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statements.list_jobs(wanted))).mappings().all()
        jobs = [summary_of(row) for row in rows]
        is_full = len(jobs) == wanted.limit
        return Page(jobs, page_cursor(jobs[-1]) if is_full else None)

    async def unfinished(self, user_id: UUID | None, limit: int) -> Sequence[JobSummary]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statements.unfinished_jobs(user_id, limit))).mappings().all()
        return [summary_of(row) for row in rows]

    async def attempts(self, user: User, job_id: UUID, *, every: bool = False) -> Sequence[Attempt]:
        """Return every attempt, the one that runs now last."""
        async with self._engine.connect() as connection:
            row = await self._seen_row(connection, user, job_id, every=every)
            ended = (await connection.execute(statements.attempts_of(job_id))).mappings().all()
        return [*map(attempt_of, ended), *open_attempt(row)]

    async def cancel(self, user: User, job_id: UUID, *, every: bool = False) -> JobView:
        """End a job that waits; ask a running one to stop. Cancelling twice is not an error."""
        async with self._engine.begin() as connection:
            await self._seen(connection, user, job_id, every=every)
            await connection.execute(statements.lock_job(job_id))
            moved = await self._first_moved(
                connection, [statements.cancel_waiting(job_id), statements.request_cancel(job_id)]
            )
            if moved is None:
                job = await self._seen(connection, user, job_id, every=every)
                if job.state in TERMINAL - {JobState.CANCELLED}:
                    raise Conflict(f"only an unfinished job can be cancelled; this one is {job.state}")
                return job
        told = self._told(moved)
        if told.is_terminal:
            await settle(self._engine, self._announcer, [Ended.of_row(moved)])
        return told

    async def retry(self, user: User, job_id: UUID, *, every: bool = False) -> JobView:
        """Queue a failed or cancelled job once more; its batch is open again with it."""
        async with self._engine.connect() as connection:
            seen = await self._seen_row(connection, user, job_id, every=every)
        if seen["parent_id"] is not None:
            raise Conflict(f"this job is a part of job {seen['parent_id']}: that one can be tried again, as a whole")
        if seen["state"] in RETRIABLE:
            await self._admission.admit_again(user, [seen["queue"]], is_own=seen["user_id"] == user.id)
        async with self._engine.begin() as connection:
            moved = await self._first_moved(connection, [statements.retry_by_hand(job_id)])
            if moved is None:
                raise Conflict(f"only a failed or cancelled job can be tried again; this one is {seen['state']}")
            await connection.execute(open_lanes_of([job_id], self._limits))
            if moved["batch_id"] is not None:
                await connection.execute(reopen_batches_of([job_id]))
        return self._told(moved, bell=moved["queue"])

    async def children(self, user: User, job_id: UUID, *, every: bool = False) -> Sequence[JobSummary]:
        """Return the children of the job's latest fan-out, in their order."""
        async with self._engine.connect() as connection:
            row = await self._seen_row(connection, user, job_id, every=every)
            if row["fan_out"] is None:
                return []
            found = await connection.execute(children_of(job_id, UUID(row["fan_out"]["token"])))
            return [summary_of(child) for child in found.mappings()]

    async def _first_of(self, user: User, wanted: Submission, key: str | None) -> JobView:
        async with self._engine.connect() as connection:
            row = (await connection.execute(statements.job_by_key(user.id, key or ""))).mappings().one()
        if bytes(row["request_hash"]) != wanted.request_hash:
            raise KeyReused(f"the idempotency key {key!r} was used before with another body, for job {row['id']}")
        return view_of(row)

    async def _seen(self, connection: AsyncConnection, user: User, job_id: UUID, *, every: bool) -> JobView:
        return view_of(await self._seen_row(connection, user, job_id, every=every))

    async def _seen_row(self, connection: AsyncConnection, user: User, job_id: UUID, *, every: bool) -> RowMapping:
        statement: Select[Any] = statements.job_by_id(job_id, user_id=None if every else user.id)
        row: RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no job {job_id}")
        return row

    async def _first_moved(self, connection: AsyncConnection, moves: Sequence[Select[Any]]) -> RowMapping | None:
        for move in moves:
            row: RowMapping | None = (await connection.execute(move)).mappings().one_or_none()
            if row is not None:
                return row
        return None

    def _told(self, row: RowMapping, *, bell: str | None = None) -> JobView:
        job = view_of(row)
        self._announcer.tell(Change(job, bell))
        return job


def page_cursor(last: JobSummary) -> str:
    """Return an opaque text for the place after a job."""
    return page_place(last.created_at, last.id)


def page_place(created_at: datetime, row_id: UUID) -> str:
    """Return an opaque text for the place after a row, in a list by time and id."""
    return base64.urlsafe_b64encode(json.dumps([created_at.isoformat(), row_id.hex]).encode()).decode()


def parse_page_cursor(text: str) -> tuple[datetime, UUID]:
    """Return the place that `page_cursor` wrote down."""
    try:
        created_at, job_id = json.loads(base64.urlsafe_b64decode(text.encode()))
        return datetime.fromisoformat(created_at), UUID(job_id)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise Invalid("cursor must be the next_cursor of an earlier answer") from error
