"""`/jobs/batch` and `/jobs/batches`: many jobs started at once, and seen as one."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from backend.api.deps import AppState, CurrentUser, Every, State
from backend.api.errors import documented
from backend.api.job_requests import SUBMIT_BATCH, SubmitBatch, submission_of
from backend.api.jobs import BY_HAND, idempotency_key_of, wait_of
from backend.core.db.batches import BatchFilter
from backend.core.errors import Unavailable
from backend.core.events import Topic, batch_key
from backend.core.jobs.batch import BatchSummary, BatchView
from backend.core.user import User
from backend.services.jobs import parse_page_cursor

router = APIRouter(prefix="/jobs", tags=["batches"])


class BatchList(BaseModel):
    batches: list[BatchSummary]
    next_cursor: str | None


@router.post(
    "/batch",
    status_code=202,
    operation_id="submit_batch",
    openapi_extra=SUBMIT_BATCH.openapi | {"parameters": BY_HAND["parameters"]},
    responses=documented(401, 403, 413, 422, 429),
)
async def submit(
    state: State,
    user: CurrentUser,
    request: Request,
    response: Response,
    body: Annotated[SubmitBatch, Depends(SUBMIT_BATCH.parse)],
) -> BatchView:
    """Record up to 1,000 jobs, all of them or none. With an `Idempotency-Key`, sending twice starts them once."""
    batch = await state.batches.submit(
        user, [submission_of(job) for job in body.jobs], body.name, idempotency_key_of(request)
    )
    response.headers["Location"] = f"/jobs/batches/{batch.id}"
    return batch


@router.get("/batches", operation_id="list_batches", responses=documented(401, 403, 422))
async def find(
    request: Request,
    response: Response,
    state: State,
    user: CurrentUser,
    every: Every,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> BatchList:
    """List batches, newest first; `next_cursor` leads on."""
    before = None if cursor is None else parse_page_cursor(cursor)
    page = await state.batches.find(BatchFilter(user_id=None if every else user.id, before=before, limit=limit))
    if page.next_cursor is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'</jobs/batches?{urlencode([*others, ("cursor", page.next_cursor)])}>; rel="next"'
    return BatchList(batches=list(page.batches), next_cursor=page.next_cursor)


@router.get("/batches/{batch_id}", operation_id="get_batch", responses=documented(401, 403, 404, 422))
async def get(
    state: State,
    user: CurrentUser,
    every: Every,
    response: Response,
    batch_id: UUID,
    wait_s: Annotated[float, Depends(wait_of)],
) -> BatchView:
    """Answer with the batch; with `wait`, when its last job has ended (or the time is over)."""
    batch = await state.batches.get(user, batch_id, every=every)
    if wait_s > 0:
        response.headers["Preference-Applied"] = f"wait={wait_s:g}"
        if batch.finished_at is None:
            batch = await _finished(state, user, batch, wait_s, every=every)
    return batch


@router.post("/batches/{batch_id}/cancel", operation_id="cancel_batch", responses=documented(401, 403, 404, 422))
async def cancel(state: State, user: CurrentUser, every: Every, batch_id: UUID) -> BatchView:
    """Cancel its unfinished jobs: those that wait at once; those that run stop at their next check."""
    return await state.batches.cancel(user, batch_id, every=every)


async def _finished(state: AppState, user: User, batch: BatchView, wait_s: float, *, every: bool) -> BatchView:
    """Wait until the batch has finished; listening begins before it is read again, so no end is missed.

    When nobody can listen, return the batch as it is now: the database knows it, only the waiting needs Redis.
    """
    try:
        async with state.listen(Topic("job_updates", batch.user_id)) as listener:
            latest = await state.batches.get(user, batch.id, every=every)
            if latest.finished_at is None:
                await listener.changed(batch_key(batch.id), wait_s)
                latest = await state.batches.get(user, batch.id, every=every)
    except Unavailable:
        latest = await state.batches.get(user, batch.id, every=every)
    return latest
