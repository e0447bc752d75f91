"""The statements on recurring schedules. A run is a job with its schedule and its time: that pair is unique."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Select, Update, delete, func, insert, literal, select, tuple_, update
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from backend.core.db.control_tables import job_schedules
from backend.core.db.statements import NOW
from backend.core.db.tables import users

S = job_schedules


def add_schedule(values: Mapping[str, Any], limit: int) -> ReturningInsert[Any]:  # Any: column values
    """Insert a schedule, unless the user has `limit` already; its name may be taken (an IntegrityError)."""
    mine = select(func.count()).select_from(S).where(S.c.user_id == values["user_id"]).scalar_subquery()
    row = select(*(literal(value, S.c[name].type).label(name) for name, value in values.items())).where(mine < limit)
    return insert(S).from_select(list(values), row).returning(S)


def schedule_by_id(schedule_id: UUID, user_id: UUID | None) -> Select[Any]:
    """Select a schedule with its owner."""
    owner = (users.c.name.label("user_name"), users.c.role.label("user_role"))
    return _owned(select(S, *owner).join(users, users.c.id == S.c.user_id).where(S.c.id == schedule_id), user_id)


def list_schedules(user_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int) -> Select[Any]:
    """Select the newest schedules first."""
    statement = _owned(select(S), user_id)
    if before is not None:
        statement = statement.where(tuple_(S.c.created_at, S.c.id) < tuple_(*map(literal, before)))
    return statement.order_by(S.c.created_at.desc(), S.c.id.desc()).limit(limit)


def change_schedule(schedule_id: UUID, **values: Any) -> ReturningUpdate[Any]:  # Any: column values
    return update(S).where(S.c.id == schedule_id).values(**values, changed_at=NOW).returning(S)


def drop_schedule(schedule_id: UUID, user_id: UUID | None) -> Delete:
    statement = delete(S).where(S.c.id == schedule_id)
    return statement if user_id is None else statement.where(S.c.user_id == user_id)


def due_schedules(limit: int) -> Select[Any]:
    """Lock schedules whose time has come, with their owners; another relay leaves them alone meanwhile."""
    return (
        select(S, users.c.name.label("user_name"), users.c.role.label("user_role"), NOW.label("now"))
        .join(users, users.c.id == S.c.user_id)
        .where(S.c.next_fire_at <= NOW, ~S.c.is_paused)
        .order_by(S.c.next_fire_at)
        .limit(limit)
        .with_for_update(of=S, skip_locked=True)
    )


def note_run(schedule_id: UUID, **values: Any) -> Update:  # Any: column values
    """Write down what became of a run, and when the next one is; the schedule itself is as it was."""
    return update(S).where(S.c.id == schedule_id).values(**values)


def _owned(statement: Select[Any], user_id: UUID | None) -> Select[Any]:
    return statement if user_id is None else statement.where(S.c.user_id == user_id)
