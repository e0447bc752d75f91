"""The use cases of recurring schedules. Their runs are started by the relay (`workers/relay_duties/schedules.py`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backend.core.db import schedules
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.core.jobs.job import JobView
from backend.core.schedules import (
    ScheduleChanges,
    ScheduleRequest,
    ScheduleView,
    Timetable,
    job_of,
    request_of,
    schedule_of,
)
from backend.core.user import User
from backend.services.jobs import Jobs, page_place
from backend.settings import JobSettings

JOB_FIELDS = frozenset({"job_type", "payload", "options"})
TIME_FIELDS = frozenset({"cron", "time_zone", "starts_at", "ends_at"})


@dataclass(frozen=True)
class SchedulePage:
    schedules: Sequence[ScheduleView]
    next_cursor: str | None


class Schedules:
    """What a user may do with schedules. `every` widens a use case from one's own to all (admins only)."""

    def __init__(self, engine: AsyncEngine, jobs: Jobs, limits: JobSettings) -> None:
        self._engine = engine
        self._jobs = jobs
        self._limits = limits

    async def create(self, user: User, wanted: ScheduleRequest) -> ScheduleView:
        row = {"id": new_id(), "user_id": user.id, **_columns(user, wanted)}
        limit = self._limits.max_schedules_per_user
        try:
            async with self._engine.begin() as connection:
                added = (await connection.execute(schedules.add_schedule(row, limit))).mappings().one_or_none()
        except IntegrityError as error:
            raise _name_taken(wanted.name) from error
        if added is None:
            raise Conflict(f"a user has {limit} schedules at most; delete one first")
        return schedule_of(added)

    async def find(
        self, user: User, before: tuple[datetime, UUID] | None, limit: int, *, every: bool = False
    ) -> SchedulePage:
        """Return one page, newest first, and the cursor of the next."""
        wanted = schedules.list_schedules(None if every else user.id, before, limit)
        async with self._engine.connect() as connection:
            found = [schedule_of(row) for row in (await connection.execute(wanted)).mappings()]
        last = found[-1] if len(found) == limit else None
        return SchedulePage(found, None if last is None else page_place(last.created_at, last.id))

    async def get(self, user: User, schedule_id: UUID, *, every: bool = False) -> ScheduleView:
        async with self._engine.connect() as connection:
            return schedule_of(await _seen(connection, user, schedule_id, every=every))

    async def change(
        self, user: User, schedule_id: UUID, changes: ScheduleChanges, *, every: bool = False
    ) -> ScheduleView:
        """Change what is named; when its times are among that, or it was paused, the next run is counted from now."""
        try:
            async with self._engine.begin() as connection:
                row = await _seen(connection, user, schedule_id, every=every)
                return await _write(connection, schedule_id, _changed(row, changes))
        except IntegrityError as error:
            raise _name_taken(changes.name or "") from error

    async def delete(self, user: User, schedule_id: UUID, *, every: bool = False) -> None:
        """Delete a schedule; jobs that it has started stay."""
        async with self._engine.begin() as connection:
            dropped = await connection.execute(schedules.drop_schedule(schedule_id, None if every else user.id))
            if dropped.rowcount == 0:
                raise _missing(schedule_id)

    async def run(self, user: User, schedule_id: UUID, *, every: bool = False) -> JobView:
        """Start one run now, beside those that the timetable has; a paused schedule can be run, too."""
        async with self._engine.connect() as connection:
            row = await _seen(connection, user, schedule_id, every=every)
        origin = {"schedule_id": schedule_id, "fire_at": datetime.now(UTC)}
        job = await self._jobs.submit(_owner(row), replace(job_of(row), origin=origin), None)
        async with self._engine.begin() as connection:
            await connection.execute(schedules.note_run(schedule_id, last_job_id=job.id))
        return job

    async def upcoming(self, user: User, schedule_id: UUID, count: int, *, every: bool = False) -> Sequence[datetime]:
        """Return when the next runs are, were it not paused."""
        async with self._engine.connect() as connection:
            row = await _seen(connection, user, schedule_id, every=every)
        return Timetable.of(row).upcoming(datetime.now(UTC), count)


def _columns(owner: User, wanted: ScheduleRequest) -> dict[str, Any]:  # Any: column values
    """Return the columns that a request sets, once its job and its timetable were found to be good."""
    job = wanted.submission
    job.require_role(owner)
    timetable = Timetable.of(wanted)
    return {
        **wanted.model_dump(exclude={"payload", "options", "cron"}),
        "payload": job.payload.model_dump(mode="json"),
        "options": wanted.options.model_dump(mode="json", exclude_defaults=True),
        "cron": timetable.cron.expression,
        "next_fire_at": timetable.next_after(datetime.now(UTC)),
    }


def _changed(row: RowMapping, changes: ScheduleChanges) -> dict[str, Any]:  # Any: column values
    """Return the columns that changes set. Who may not start the job any more can still pause or rename it."""
    wanted, named = request_of(row, changes), changes.model_fields_set
    columns = _columns(_owner(row), wanted) if named & JOB_FIELDS else wanted.model_dump(include=set(named))
    is_resumed = row["is_paused"] and not wanted.is_paused
    if named & TIME_FIELDS or is_resumed:
        timetable = Timetable.of(wanted)
        return columns | {
            "cron": timetable.cron.expression,
            "next_fire_at": timetable.next_after(datetime.now(UTC)),
        }
    return {name: value for name, value in columns.items() if name != "next_fire_at"}


async def _seen(connection: AsyncConnection, user: User, schedule_id: UUID, *, every: bool) -> RowMapping:
    wanted = schedules.schedule_by_id(schedule_id, None if every else user.id)
    row: RowMapping | None = (await connection.execute(wanted)).mappings().one_or_none()
    if row is None:
        raise _missing(schedule_id)
    return row


async def _write(connection: AsyncConnection, schedule_id: UUID, values: Mapping[str, Any]) -> ScheduleView:  # Any: ^
    row = (await connection.execute(schedules.change_schedule(schedule_id, **values))).mappings().one_or_none()
    if row is None:
        raise _missing(schedule_id)
    return schedule_of(row)


def _owner(row: RowMapping) -> User:
    return User(row["user_id"], row["user_name"], row["user_role"])


def _missing(schedule_id: UUID) -> NotFound:
    return NotFound(f"there is no schedule {schedule_id}")


def _name_taken(name: str) -> Conflict:
    return Conflict(f"there is a schedule called {name!r} already")
