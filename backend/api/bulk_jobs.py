"""`/jobs/bulk`: cancel or retry all jobs that a filter matches, once their number was confirmed."""

from typing import Annotated, Any
from uuid import UUID

from annotated_types import Len
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from backend.api.deps import CurrentUser, Every, State
from backend.api.errors import documented
from backend.api.json_body import JsonBody
from backend.core.db.bulk import CANCELLABLE, RETRIABLE, Choice
from backend.core.errors import Invalid, Problem
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.registry import JOB_TYPES
from backend.services.bulk_jobs import BulkOutcome

MOST_IDS = 10_000

router = APIRouter(prefix="/jobs/bulk", tags=["jobs"])


class BulkFilter(BaseModel):
    """Which jobs are meant: all that satisfy every part that is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    states: Annotated[tuple[JobState, ...], Field(description="All that the request can change, when empty.")] = ()
    job_types: tuple[str, ...] = ()
    batch: UUID | None = None
    created_after: AwareDatetime | None = None
    created_before: AwareDatetime | None = None
    ids: Annotated[tuple[UUID, ...], Len(0, MOST_IDS)] = ()


class BulkRequest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    filter: BulkFilter
    confirm: Annotated[
        int | None, Field(ge=0, strict=True, description="How many jobs must match; null only counts them.")
    ] = None


class BulkAnswer(BaseModel):
    """`skipped` moved on by themselves between the count and the change."""

    model_config = ConfigDict(from_attributes=True)

    matched: int
    is_dry_run: bool
    cancelled: int
    asked_to_stop: int
    queued: int
    skipped: int


BULK_REQUEST = JsonBody("BulkRequest", BulkRequest)
Body = Annotated[Any, Depends(BULK_REQUEST.parse)]  # Any: a BulkRequest


@router.post(
    "/cancel",
    operation_id="cancel_jobs",
    openapi_extra=BULK_REQUEST.openapi,
    responses=documented(401, 403, 409, 413, 422),
)
async def cancel(state: State, user: CurrentUser, every: Every, body: Body) -> BulkAnswer:
    """Cancel the jobs that match. Without `confirm` they are only counted; with another number nothing changes."""
    choice = _choice(body.filter, CANCELLABLE, None if every else user.id)
    return _answer(await state.bulk_jobs.cancel(user, choice, body.confirm))


@router.post(
    "/retry",
    operation_id="retry_jobs",
    openapi_extra=BULK_REQUEST.openapi,
    responses=documented(401, 403, 409, 413, 422, 429),
)
async def retry(state: State, user: CurrentUser, every: Every, body: Body) -> BulkAnswer:
    """Queue the failed and cancelled jobs that match once more; the same rules as for cancel."""
    choice = _choice(body.filter, RETRIABLE, None if every else user.id)
    return _answer(await state.bulk_jobs.retry(user, choice, body.confirm))


def _choice(wanted: BulkFilter, possible: frozenset[JobState], user_id: UUID | None) -> Choice:
    wrong = sorted(set(wanted.states) - possible)
    if wrong:
        told = f"expected only {', '.join(sorted(possible))}; it had {', '.join(wrong)}"
        raise Invalid(f"filter.states: {told}", [Problem("filter.states", told)])
    unknown = sorted(set(wanted.job_types) - set(JOB_TYPES))
    if unknown:
        told = f"expected only {', '.join(JOB_TYPES)}; it had {', '.join(repr(name[:80]) for name in unknown[:20])}"
        raise Invalid(f"filter.job_types: {told}", [Problem("filter.job_types", told)])
    return Choice(
        user_id=user_id,
        states=frozenset(wanted.states) or possible,
        job_types=wanted.job_types,
        batch=wanted.batch,
        created_after=wanted.created_after,
        created_before=wanted.created_before,
        ids=wanted.ids,
    )


def _answer(outcome: BulkOutcome) -> BulkAnswer:
    return BulkAnswer.model_validate(outcome)
