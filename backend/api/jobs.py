"""`/jobs`: submit, look, wait, cancel, try again."""

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel
from structlog.contextvars import bind_contextvars

from backend.api.deps import AppState, CurrentUser, Every, State, bearer_of, user_of
from backend.api.errors import documented
from backend.api.job_requests import SUBMIT_JOB, submission_of
from backend.core.db.many_jobs import Proof
from backend.core.db.statements import JobFilter
from backend.core.errors import AppError, Invalid, Unavailable
from backend.core.events import Topic
from backend.core.jobs.attempt import Attempt
from backend.core.jobs.job import JobSummary, JobView
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.registry import JOB_TYPES
from backend.core.user import User
from backend.services.jobs import parse_page_cursor

MAX_WAIT_S = 30.0
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")

BY_HAND: dict[str, Any] = {  # Any: OpenAPI objects
    "security": [{"HTTPBearer": []}],
    "parameters": [
        {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "maxLength": 200}}
    ],
}
"""What the document says of a route that reads its request itself: FastAPI takes a tenth more time for the same."""

router = APIRouter(prefix="/jobs", tags=["jobs"])


class JobList(BaseModel):
    jobs: list[JobSummary]
    next_cursor: str | None


class AttemptList(BaseModel):
    attempts: list[Attempt]


def idempotency_key_of(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise Invalid("an Idempotency-Key is 1 to 200 visible ASCII characters")
    return key


async def wait_of(
    wait: Annotated[float | None, Query(ge=0, description="Seconds to wait for a change, 30 at most.")] = None,
    prefer: Annotated[str | None, Header(description="`wait=20`, as RFC 7240 has it.")] = None,
) -> float:
    if wait is not None:
        return min(wait, MAX_WAIT_S)
    found = re.search(r"\bwait=(\d{1,6})\b", prefer or "")
    return min(float(found.group(1)), MAX_WAIT_S) if found else 0.0


@router.post(
    "",
    status_code=202,
    operation_id="submit_job",
    response_model=JobView,
    openapi_extra=SUBMIT_JOB.openapi | BY_HAND,
    responses=documented(401, 403, 413, 422, 429),
)
async def submit(request: Request) -> Response:
    """Record a job and answer at once. With an `Idempotency-Key`, sending twice starts one job."""
    state: AppState = request.app.state.parts
    known = state.accounts.remembered(bearer_of(request))
    if known is not None:
        # Who had the token a moment ago saves the job a look; where that does not do, it is done by the book.
        with suppress(AppError):
            return await _submit(request, known.user, known.proof)
    return await _submit(request, await user_of(request), None)


async def _submit(request: Request, user: User, proof: Proof | None) -> Response:
    wanted = submission_of(await SUBMIT_JOB.parse(request))
    if proof is not None and wanted.may_reuse:  # then a result could be told before anything is checked
        user, proof = await user_of(request), None
    state: AppState = request.app.state.parts
    return _accepted(await state.jobs.submit(user, wanted, idempotency_key_of(request), proof=proof))


def _accepted(job: JobView) -> Response:
    bind_contextvars(job_id=str(job.id))  # for the line about this request
    headers = {"Location": f"/jobs/{job.id}", "ETag": job.etag}
    return Response(job.model_dump_json(), 202, headers=headers, media_type="application/json")


@router.get("", operation_id="list_jobs", responses=documented(401, 403, 422))
async def find(
    request: Request,
    response: Response,
    state: State,
    user: CurrentUser,
    every: Every,
    states: Annotated[list[JobState] | None, Query(alias="state")] = None,
    job_type: Annotated[str | None, Query(pattern=f"^({'|'.join(JOB_TYPES)})$")] = None,
    schedule: Annotated[UUID | None, Query(description="Only runs of this schedule.")] = None,
    batch: Annotated[UUID | None, Query(description="Only the jobs of this batch.")] = None,
    created_after: Annotated[datetime | None, Query()] = None,
    created_before: Annotated[datetime | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> JobList:
    """List jobs, newest first; `next_cursor` leads on."""
    wanted = JobFilter(
        user_id=None if every else user.id,
        states=states or (),
        job_type=job_type,
        schedule_id=schedule,
        batch_id=batch,
        created_after=created_after,
        created_before=created_before,
        before=None if cursor is None else parse_page_cursor(cursor),
        limit=limit,
    )
    page = await state.jobs.find(wanted)
    if page.next_cursor is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'</jobs?{urlencode([*others, ("cursor", page.next_cursor)])}>; rel="next"'
    return JobList(jobs=list(page.jobs), next_cursor=page.next_cursor)


@router.get(
    "/{job_id}",
    operation_id="get_job",
    response_model=JobView,
    responses={304: {"description": "Not changed"}, **documented(401, 403, 404, 422)},
)
async def get(
    state: State,
    user: CurrentUser,
    every: Every,
    job_id: UUID,
    wait_s: Annotated[float, Depends(wait_of)],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Answer with the job; with `wait`, when it ends or changes (or the time is over)."""
    job = await state.jobs.get(user, job_id, every=every)
    is_current = if_none_match is None or _is_known(if_none_match, job.etag)
    if wait_s > 0 and not job.is_terminal and is_current:
        job = await _changed(state, user, job, wait_s, every=every)
    headers = {"ETag": job.etag} | ({"Preference-Applied": f"wait={wait_s:g}"} if wait_s > 0 else {})
    if _is_known(if_none_match, job.etag):
        return Response(status_code=304, headers=headers)
    return Response(job.model_dump_json(), media_type="application/json", headers=headers)


@router.post("/{job_id}/cancel", operation_id="cancel_job", responses=documented(401, 403, 404, 409, 422))
async def cancel(state: State, user: CurrentUser, every: Every, job_id: UUID) -> JobView:
    """Cancel: at once while it waits; a running job stops at its next check."""
    return await state.jobs.cancel(user, job_id, every=every)


@router.post("/{job_id}/retry", operation_id="retry_job", responses=documented(401, 403, 404, 409, 422, 429))
async def retry(state: State, user: CurrentUser, every: Every, job_id: UUID) -> JobView:
    """Queue a failed or cancelled job once more."""
    return await state.jobs.retry(user, job_id, every=every)


@router.post(
    "/{job_id}/reproduce",
    status_code=202,
    operation_id="reproduce_job",
    response_model=JobView,
    openapi_extra={"parameters": BY_HAND["parameters"]},
    responses=documented(401, 404, 409, 422, 429),
)
async def reproduce(request: Request, state: State, user: CurrentUser, job_id: UUID) -> Response:
    """Run the record of a succeeded backtest again, as a new job whose result says whether the bytes are the same."""
    return _accepted(await state.jobs.reproduce(user, job_id, idempotency_key_of(request)))


@router.get("/{job_id}/attempts", operation_id="list_attempts", responses=documented(401, 403, 404, 422))
async def attempts(state: State, user: CurrentUser, every: Every, job_id: UUID) -> AttemptList:
    """List every attempt with its worker, times, outcome and error."""
    return AttemptList(attempts=list(await state.jobs.attempts(user, job_id, every=every)))


@router.get("/{job_id}/children", operation_id="list_children", responses=documented(401, 403, 404, 422))
async def children(state: State, user: CurrentUser, every: Every, job_id: UUID) -> JobList:
    """List the jobs that this one has fanned out into, in their order; of several times, the latest."""
    return JobList(jobs=list(await state.jobs.children(user, job_id, every=every)), next_cursor=None)


def _is_known(if_none_match: str | None, etag: str) -> bool:
    """Compare weakly with a list of tags, or `*` (RFC 9110, section 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    return bool(tags & {etag, "*"})


async def _changed(state: AppState, user: User, job: JobView, wait_s: float, *, every: bool) -> JobView:
    """Wait until the job is not as it was; listening begins before it is read again, so no change is missed.

    When nobody can listen, return the job as it is now: the database knows it, only the waiting needs Redis.
    """
    try:
        async with state.listen(Topic("job_updates", job.user_id)) as listener:
            latest = await state.jobs.get(user, job.id, every=every)
            if latest.version == job.version:
                await listener.changed(str(job.id), wait_s)
                latest = await state.jobs.get(user, job.id, every=every)
    except Unavailable:
        latest = await state.jobs.get(user, job.id, every=every)
    return latest
