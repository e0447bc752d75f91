"""Recurring schedules, as `client.schedules`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from aitrader.client.job import Job
from aitrader.client.job_records import JobRecord
from aitrader.client.record import Json, Record
from aitrader.client.transport import Call, Transport, json_of
from aitrader.errors import InvalidRequest

PAGE = 200


class ScheduleError(Record):
    code: str
    message: str
    fire_at: datetime
    at: datetime


class Schedule(Record):
    """A recurring schedule. `last_error`: why the last run that was due did not start."""

    id: str
    name: str
    job_type: str
    payload: dict[str, Any]  # Any: a JSON value
    options: dict[str, Any]  # Any: the same
    cron: str
    time_zone: str
    description: str
    catch_up: str
    is_paused: bool
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    next_fire_at: datetime | None = None
    last_fire_at: datetime | None = None
    last_job_id: str | None = None
    last_error: ScheduleError | None = None
    created_at: datetime


class ScheduleList(Record):
    schedules: tuple[Schedule, ...]
    next_cursor: str | None = None


class UpcomingRuns(Record):
    fires_at: tuple[datetime, ...]


class Schedules:
    """Makes schedules, looks at them, steers them. all_users: another user's, too (admins only)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        name: str,
        job_type: str,
        payload: Mapping[str, Any],  # Any: a JSON value
        *,
        cron: str,
        time_zone: str = "UTC",
        **more: Any,  # Any: JSON values
    ) -> Schedule:
        """Return a new schedule. more: options, catch_up, starts_at, ends_at, is_paused, as the API has them."""
        asked = {"name": name, "job_type": job_type, "payload": payload, "cron": cron, "time_zone": time_zone, **more}
        return Schedule.of(self._send("POST", "", asked))

    def list(self, *, all_users: bool = False) -> list[Schedule]:
        """Return all schedules, newest first."""
        return [schedule for page in self._pages(all_users=all_users) for schedule in page.schedules]

    def get(self, schedule_id: str, *, all_users: bool = False) -> Schedule:
        return Schedule.of(self._transport.get(_path(schedule_id), _scope(all_users=all_users)))

    def change(self, schedule_id: str, *, all_users: bool = False, **changes: Any) -> Schedule:  # Any: JSON values
        """Change what is named, as `PATCH /schedules/{id}` has it."""
        return Schedule.of(self._send("PATCH", schedule_id, changes, all_users=all_users))

    def pause(self, schedule_id: str, *, all_users: bool = False) -> Schedule:
        return Schedule.of(self._send("POST", f"{schedule_id}/pause", all_users=all_users))

    def resume(self, schedule_id: str, *, all_users: bool = False) -> Schedule:
        """Let it go on from now."""
        return Schedule.of(self._send("POST", f"{schedule_id}/resume", all_users=all_users))

    def run(self, schedule_id: str, *, all_users: bool = False) -> Job:
        """Start one run now; return its job."""
        told = self._send("POST", f"{schedule_id}/run", all_users=all_users, is_repeatable=False)
        return Job(JobRecord.of(told), self._transport, all_users=all_users)

    def upcoming(self, schedule_id: str, count: int = 5, *, all_users: bool = False) -> tuple[datetime, ...]:
        """Return when the next runs are, in UTC."""
        asked: dict[str, str | int] = {"count": count, **_scope(all_users=all_users)}
        return UpcomingRuns.of(self._transport.get(f"{_path(schedule_id)}/next", asked)).fires_at

    def delete(self, schedule_id: str, *, all_users: bool = False) -> None:
        """Delete it; jobs that it has started stay."""
        call = Call(
            method="DELETE", path=_path(schedule_id), parameters=_scope(all_users=all_users), is_repeatable=False
        )
        self._transport.send(call)

    def _pages(self, *, all_users: bool) -> Iterator[ScheduleList]:
        cursor: dict[str, str] = {}
        while True:
            page = ScheduleList.of(
                self._transport.get("/schedules", {"limit": PAGE, **cursor, **_scope(all_users=all_users)})
            )
            yield page
            if page.next_cursor is None:
                return
            cursor = {"cursor": page.next_cursor}

    def _send(
        self,
        method: str,
        place: str,
        body: Mapping[str, Any] | None = None,  # Any: a JSON value
        *,
        all_users: bool = False,
        is_repeatable: bool | None = None,
    ) -> Json:
        call = Call(
            method=method,
            path=f"/schedules/{place}".rstrip("/"),
            parameters=_scope(all_users=all_users),
            headers={} if body is None else {"Content-Type": "application/json"},
            content=None if body is None else body_of(body),
            is_repeatable=bool(place) if is_repeatable is None else is_repeatable,
        )
        return json_of(self._transport.send(call))


def body_of(values: Mapping[str, Any]) -> str:  # Any: a JSON value, it is hoped, or a time
    """Return a request's body; times are written as ISO 8601, in UTC where they have no zone."""
    try:
        return json.dumps(values, allow_nan=False, default=_told)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the request must be JSON: {error}") from error


def _told(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is not None else f"{value.isoformat()}Z"
    raise TypeError(f"expected a JSON value, it was {type(value).__name__}")


def _path(schedule_id: str) -> str:
    return f"/schedules/{quote(schedule_id, safe='')}"


def _scope(*, all_users: bool) -> dict[str, str]:
    return {"all": "true"} if all_users else {}
