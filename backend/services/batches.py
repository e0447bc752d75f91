"""The use cases of batches: jobs that are started together, watched together and cancelled together."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.core.db import batches as statements
from backend.core.db.aftermath import Ended, with_counts
from backend.core.db.batches import BatchFilter
from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.db.reuse import refer, reusable
from backend.core.errors import AppError, Forbidden, KeyReused, NotFound
from backend.core.ids import new_id, new_ids
from backend.core.jobs.batch import BatchSummary, BatchView
from backend.core.jobs.job import summary_of
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.submission import Submission, lane_cap
from backend.core.user import User
from backend.services.admission import Admission
from backend.services.aftermath import settle
from backend.services.announcer import Announcer, Change
from backend.services.jobs import page_place
from backend.settings import JobSettings


@dataclass(frozen=True)
class BatchPage:
    batches: Sequence[BatchSummary]
    next_cursor: str | None


class Batches:
    """What a user may do with batches. `every` widens a use case from one's own to all (admins only)."""

    def __init__(self, engine: AsyncEngine, announcer: Announcer, admission: Admission, limits: JobSettings) -> None:
        self._engine = engine
        self._announcer = announcer
        self._admission = admission
        self._limits = limits

    async def submit(self, user: User, wanted: Sequence[Submission], name: str | None, key: str | None) -> BatchView:
        """Record all jobs or none, those that an earlier result answers as ended.

        The same key with the same jobs answers with the first batch.
        """
        batch_id, request_hash = new_id(), b"" if key is None else _request_hash(wanted, name)
        new = self._new_jobs(user, wanted, batch_id)
        await self._admit(user, wanted, key)
        row = {
            "id": batch_id,
            "user_id": user.id,
            "name": name,
            "job_count": len(new),
            "idempotency_key": key,
            "request_hash": request_hash,
        }
        async with self._engine.begin() as connection:
            added = (await connection.execute(statements.insert_batch(row))).mappings().one_or_none()
            if added is None:
                return await self._first_of(connection, user, request_hash, key or "")
            answers = await connection.run_sync(reusable, user.id, wanted)
            born = [
                NewJob({**job.values, **answers[place].columns()}, job.max_running) if place in answers else job
                for place, job in enumerate(new)
            ]
            jobs = (await connection.execute(insert_jobs(born))).mappings().all()
            sources = {new[place].values["id"]: answer.job_id for place, answer in answers.items()}
            await connection.run_sync(refer, sources)
            view = await self._view(connection, added)
        self._tell_new(jobs)
        if len(answers) < len(new):
            return view
        await settle(self._engine, self._announcer, [Ended.of_row(row) for row in jobs])
        return await self.get(user, batch_id)

    async def get(self, user: User, batch_id: UUID, *, every: bool = False) -> BatchView:
        async with self._engine.connect() as connection:
            return await self._view(connection, await self._seen_row(connection, user, batch_id, every=every))

    async def find(self, wanted: BatchFilter) -> BatchPage:
        """Return one page, newest first, and the cursor of the next."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statements.list_batches(wanted))).mappings().all()
            counts = await connection.execute(statements.state_counts([row["id"] for row in rows]))
            found = with_counts(rows, counts.mappings().all())
        is_full = len(found) == wanted.limit
        return BatchPage(found, page_place(found[-1].created_at, found[-1].id) if is_full else None)

    async def cancel(self, user: User, batch_id: UUID, *, every: bool = False) -> BatchView:
        """End all of its jobs that wait, and ask those that run to stop. What has ended stays as it is."""
        async with self._engine.begin() as connection:
            await self._seen_row(connection, user, batch_id, every=every)
            await connection.execute(statements.lock_unfinished_of(batch_id))
            cancelled = (await connection.execute(statements.cancel_waiting_of(batch_id))).mappings().all()
            asked = (await connection.execute(statements.ask_running_of(batch_id))).mappings().all()
        for row in (*cancelled, *asked):
            self._announcer.tell(Change(summary_of(row)))
        await settle(self._engine, self._announcer, [Ended.of_row(row) for row in cancelled])
        return await self.get(user, batch_id, every=every)

    async def _admit(self, user: User, wanted: Sequence[Submission], key: str | None) -> None:
        """Raise what keeps these jobs from being taken; a key that has its batch already may pass."""
        try:
            await self._admission.admit(user, wanted)
        except AppError:
            if key is None:
                raise
            async with self._engine.connect() as connection:
                if (await connection.execute(statements.batch_by_key(user.id, key))).one_or_none() is None:
                    raise

    def _new_jobs(self, user: User, wanted: Sequence[Submission], batch_id: UUID) -> list[NewJob]:
        cap = lane_cap(user, self._limits)
        new = []
        for place, (job_id, one) in enumerate(zip(new_ids(len(wanted)), wanted, strict=True)):
            try:
                columns = one.new_columns(user, None)
            except Forbidden as error:
                raise Forbidden(f"jobs.{place}: {error}") from error
            new.append(NewJob(columns | {"id": job_id, "batch_id": batch_id, "payload": one.payload}, cap))
        return new

    def _tell_new(self, rows: Sequence[RowMapping]) -> None:
        """Tell of new jobs in their order, and ring for them; no more bells wait than there are slots."""
        for row in sorted(rows, key=_id_of):
            self._announcer.tell(Change(summary_of(row), row["queue"] if row["state"] == JobState.QUEUED else None))

    async def _first_of(self, connection: AsyncConnection, user: User, request_hash: bytes, key: str) -> BatchView:
        row = (await connection.execute(statements.batch_by_key(user.id, key))).mappings().one()
        if bytes(row["request_hash"]) != request_hash:
            raise KeyReused(f"the idempotency key {key!r} was used before with another body, for batch {row['id']}")
        return await self._view(connection, row)

    async def _seen_row(self, connection: AsyncConnection, user: User, batch_id: UUID, *, every: bool) -> RowMapping:
        statement = statements.batch_by_id(batch_id, user_id=None if every else user.id)
        row: RowMapping | None = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise NotFound(f"there is no batch {batch_id}")
        return row

    async def _view(self, connection: AsyncConnection, row: RowMapping) -> BatchView:
        counts = (await connection.execute(statements.state_counts([row["id"]]))).mappings().all()
        jobs = (await connection.execute(statements.jobs_of(row["id"]))).scalars().all()
        (summary,) = with_counts([row], counts)
        return BatchView(**dict(summary), jobs=tuple(jobs))


def _request_hash(wanted: Sequence[Submission], name: str | None) -> bytes:
    """Return what tells one request from another, for idempotency keys."""
    told: list[Any] = [[one.spec.job_type, one.payload, one.options] for one in wanted]  # Any: becomes JSON
    return hashlib.sha256(to_json([name, told])).digest()


def _id_of(row: Mapping[Any, Any]) -> UUID:  # Any: a database row
    job_id: UUID = row["id"]
    return job_id
