"""Starts the runs of recurring schedules whose time has come: each run once, whatever the number of relays.

A schedule is locked, its jobs are inserted and its next time is written in one transaction, so a relay that dies leaves
all of that or nothing. Two relays never hold the same schedule; and should a time be looked at twice all the same, the
unique pair of schedule and time lets one job in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping
from sqlalchemy.exc import DataError, IntegrityError

from backend.core.db import schedules
from backend.core.db.admission import require_admission
from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.errors import AppError
from backend.core.jobs.job import summary_of
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.submission import lane_cap
from backend.core.logging import get_logger
from backend.core.schedules import Due, Timetable, job_of
from backend.core.user import User
from backend.settings import JobSettings
from workers.announce import Herald

BATCH = 50
BATCHES_A_ROUND = 10

log = get_logger(__name__)


def fire_schedules(engine: Engine, herald: Herald, limits: JobSettings) -> None:
    """Start what is due; what is too much for one round is started in the next."""
    for _ in range(BATCHES_A_ROUND):
        with engine.begin() as connection:
            due = connection.execute(schedules.due_schedules(BATCH)).mappings().all()
            # Lanes in one order for all, as everybody who locks several does.
            in_order = sorted(due, key=lambda row: (row["job_type"], row["user_id"], row["id"]))
            started = [job for row in in_order for job in _fire(connection, row, limits)]
        bells = [job["queue"] for job in started if job["state"] == JobState.QUEUED]
        herald.tell([summary_of(job) for job in started], bells)
        if len(due) < BATCH:
            return


def _fire(connection: Connection, row: RowMapping, limits: JobSettings) -> Sequence[RowMapping]:
    """Start the runs of one schedule; what keeps them from starting is written down, and the schedule goes on."""
    now: datetime = row["now"]
    due = Due((row["next_fire_at"],), None)
    try:
        due = Timetable.of(row).due(row["next_fire_at"], now)
        if not due.fires:  # all of them were missed, and are not to be made up for
            _note(connection, row, next_fire_at=due.next_fire_at)
            return ()
        with connection.begin_nested():
            jobs = _start(connection, row, due.fires, limits)
    except (AppError, IntegrityError, DataError) as error:
        told = {"code": error.code, "message": str(error)} if isinstance(error, AppError) else _REFUSED
        log.warning("schedule_failed", schedule_id=str(row["id"]), code=told["code"])
        failure = told | {"fire_at": due.fires[-1].isoformat(), "at": now.isoformat()}
        _note(connection, row, next_fire_at=due.next_fire_at, last_error=failure)
        return ()
    last_job = {"last_job_id": jobs[-1]["id"]} if jobs else {}
    _note(connection, row, next_fire_at=due.next_fire_at, last_fire_at=due.fires[-1], last_error=None, **last_job)
    return jobs


_REFUSED = {"code": "internal_error", "message": "the database refused the job"}


def _start(
    connection: Connection, row: RowMapping, fires: Sequence[datetime], limits: JobSettings
) -> Sequence[RowMapping]:
    owner = User(row["user_id"], row["user_name"], row["user_role"])
    wanted = job_of(row)
    runs = [replace(wanted, origin={"schedule_id": row["id"], "fire_at": fire}) for fire in fires]
    require_admission(connection, owner, runs, limits)
    new = [NewJob(run.new_row(owner, None), lane_cap(owner, limits)) for run in runs]
    added = connection.execute(insert_jobs(new)).mappings().all()  # a run that was started before is left out
    return sorted(added, key=lambda job: job["fire_at"])


def _note(connection: Connection, row: Mapping[Any, Any], **values: Any) -> None:  # Any: column values
    connection.execute(schedules.note_run(row["id"], **values))
