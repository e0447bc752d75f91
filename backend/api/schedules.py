"""`/schedules`: jobs that are started again and again, by a cron expression in a time zone."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from backend.api.deps import CurrentUser, Every, State
from backend.api.errors import documented
from backend.api.json_body import JsonBody
from backend.core.jobs.job import JobView
from backend.core.schedules import ScheduleChanges, ScheduleRequest, ScheduleView
from backend.services.jobs import parse_page_cursor

NEW_SCHEDULE = JsonBody("NewSchedule", ScheduleRequest)
CHANGE_SCHEDULE = JsonBody("ChangeSchedule", ScheduleChanges)
SCHEDULE_BODIES = (NEW_SCHEDULE, CHANGE_SCHEDULE)

router = APIRouter(prefix="/schedules", tags=["schedules"])


class ScheduleList(BaseModel):
    schedules: list[ScheduleView]
    next_cursor: str | None


class UpcomingRuns(BaseModel):
    fires_at: list[datetime]


@router.post(
    "",
    status_code=201,
    operation_id="create_schedule",
    openapi_extra=NEW_SCHEDULE.openapi,
    responses=documented(401, 403, 409, 413, 422),
)
async def create(
    state: State,
    user: CurrentUser,
    response: Response,
    body: Annotated[Any, Depends(NEW_SCHEDULE.parse)],  # Any: a ScheduleRequest, which FastAPI would parse itself
) -> ScheduleView:
    """Start a job again and again. Its payload is checked now, and again at each run."""
    schedule = await state.schedules.create(user, body)
    response.headers["Location"] = f"/schedules/{schedule.id}"
    return schedule


@router.get("", operation_id="list_schedules", responses=documented(401, 403, 422))
async def find(
    state: State,
    user: CurrentUser,
    every: Every,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> ScheduleList:
    """List schedules, newest first; `next_cursor` leads on."""
    before = None if cursor is None else parse_page_cursor(cursor)
    page = await state.schedules.find(user, before, limit, every=every)
    return ScheduleList(schedules=list(page.schedules), next_cursor=page.next_cursor)


@router.get("/{schedule_id}", operation_id="get_schedule", responses=documented(401, 403, 404, 422))
async def get(state: State, user: CurrentUser, every: Every, schedule_id: UUID) -> ScheduleView:
    """Answer with the schedule: its next and last run, and why the last one did not start, if it did not."""
    return await state.schedules.get(user, schedule_id, every=every)


@router.patch(
    "/{schedule_id}",
    operation_id="change_schedule",
    openapi_extra=CHANGE_SCHEDULE.openapi,
    responses=documented(401, 403, 404, 409, 413, 422),
)
async def change(
    state: State,
    user: CurrentUser,
    every: Every,
    schedule_id: UUID,
    body: Annotated[Any, Depends(CHANGE_SCHEDULE.parse)],  # Any: ScheduleChanges, as above
) -> ScheduleView:
    """Change what is named; runs that were due before are not made up for."""
    return await state.schedules.change(user, schedule_id, body, every=every)


@router.delete(
    "/{schedule_id}", status_code=204, operation_id="delete_schedule", responses=documented(401, 403, 404, 422)
)
async def delete(state: State, user: CurrentUser, every: Every, schedule_id: UUID) -> None:
    """Delete the schedule. Jobs that it has started stay as they are."""
    await state.schedules.delete(user, schedule_id, every=every)


@router.post("/{schedule_id}/pause", operation_id="pause_schedule", responses=documented(401, 403, 404, 422))
async def pause(state: State, user: CurrentUser, every: Every, schedule_id: UUID) -> ScheduleView:
    """Start no more runs until it is resumed. Pausing twice is not an error."""
    return await state.schedules.change(user, schedule_id, ScheduleChanges(is_paused=True), every=every)


@router.post("/{schedule_id}/resume", operation_id="resume_schedule", responses=documented(401, 403, 404, 422))
async def resume(state: State, user: CurrentUser, every: Every, schedule_id: UUID) -> ScheduleView:
    """Go on with the next run from now; those of the pause are not made up for."""
    return await state.schedules.change(user, schedule_id, ScheduleChanges(is_paused=False), every=every)


@router.post(
    "/{schedule_id}/run",
    status_code=202,
    operation_id="run_schedule",
    responses=documented(401, 403, 404, 422, 429),
)
async def run(state: State, user: CurrentUser, every: Every, response: Response, schedule_id: UUID) -> JobView:
    """Start one run now, beside the timetable."""
    job = await state.schedules.run(user, schedule_id, every=every)
    response.headers["Location"] = f"/jobs/{job.id}"
    return job


@router.get("/{schedule_id}/next", operation_id="list_upcoming_runs", responses=documented(401, 403, 404, 422))
async def upcoming(
    state: State,
    user: CurrentUser,
    every: Every,
    schedule_id: UUID,
    count: Annotated[int, Query(ge=1, le=100)] = 5,
) -> UpcomingRuns:
    """List the moments of the next runs, in UTC."""
    return UpcomingRuns(fires_at=list(await state.schedules.upcoming(user, schedule_id, count, every=every)))
