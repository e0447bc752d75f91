"""`/queues`: how full each is, and pause, drain and resume. For admins."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from backend.api.deps import CurrentUser, State
from backend.api.errors import documented

router = APIRouter(prefix="/queues", tags=["queues"])
Name = Annotated[str, Path(pattern="^[a-z_]{1,64}$", examples=["backtest"])]


class QueueView(BaseModel):
    """One queue: `oldest_age_s` is how long its oldest queued job could have run; `slots` is null without Redis."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    is_paused: bool
    is_draining: bool
    is_empty: bool
    scheduled: int
    queued: int
    running: int
    waiting: int
    oldest_at: datetime | None
    oldest_age_s: float | None
    slots: int | None
    changed_by: str | None
    changed_at: datetime | None


class QueueList(BaseModel):
    queues: list[QueueView]


@router.get("", operation_id="list_queues", responses=documented(401, 403))
async def list_queues(state: State, user: CurrentUser) -> QueueList:
    """List all queues with their depths (admins only)."""
    return QueueList(queues=[QueueView.model_validate(status) for status in await state.queues.list(user)])


@router.post("/{name}/pause", operation_id="pause_queue", responses=documented(401, 403, 404, 422))
async def pause(state: State, user: CurrentUser, name: Name) -> QueueView:
    """Let no more jobs of the queue begin. It still takes jobs, and those that run go on."""
    return QueueView.model_validate(await state.queues.pause(user, name))


@router.post("/{name}/drain", operation_id="drain_queue", responses=documented(401, 403, 404, 422))
async def drain(state: State, user: CurrentUser, name: Name) -> QueueView:
    """Take no new jobs (503, `queue_draining`); those that are there are finished."""
    return QueueView.model_validate(await state.queues.drain(user, name))


@router.post("/{name}/resume", operation_id="resume_queue", responses=documented(401, 403, 404, 422))
async def resume(state: State, user: CurrentUser, name: Name) -> QueueView:
    """Undo pause and drain."""
    return QueueView.model_validate(await state.queues.resume(user, name))
