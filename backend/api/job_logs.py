"""`/jobs/{id}/logs`: what a job logged, as JSON or as text."""

from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from backend.api.deps import CurrentUser, Every, State
from backend.api.errors import documented
from backend.core.jobs.log_line import Level, LogLine
from backend.services.job_logs import LogFilter, read_log

router = APIRouter(prefix="/jobs/{job_id}/logs", tags=["jobs"])


class LogLines(BaseModel):
    lines: list[LogLine]
    next_after: int | None


@router.get(
    "",
    operation_id="get_job_logs",
    response_model=LogLines,
    responses={200: {"content": {"text/plain": {}}, "description": "The lines"}, **documented(401, 403, 404, 422)},
)
async def get_logs(
    request: Request,
    state: State,
    user: CurrentUser,
    every: Every,
    job_id: UUID,
    attempt: Annotated[int | None, Query(ge=0, le=32_767, description="Only of this attempt.")] = None,
    after: Annotated[int, Query(ge=0, lt=2**63, description="The id of the last line that is known.")] = 0,
    level: Annotated[Level | None, Query(description="This level and those above.")] = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000,
    file_format: Annotated[Literal["json", "text"], Query(alias="format")] = "json",
) -> Response:
    """Answer with the lines of all attempts, oldest first; `next_after` (and the header `Link`) lead on."""
    job = await state.jobs.get(user, job_id, every=every)
    wanted = LogFilter(attempt=attempt, least=level, after=after, limit=limit)
    page = await read_log(state.engine, job.id, wanted)
    headers = {}
    if page.next_after is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
        query = urlencode([*others, ("after", str(page.next_after))])
        headers["Link"] = f'</jobs/{job.id}/logs?{query}>; rel="next"'
    if file_format == "text":
        return PlainTextResponse("".join(f"{line.text}\n" for line in page.lines), headers=headers)
    told = LogLines(lines=list(page.lines), next_after=page.next_after)
    return Response(told.model_dump_json(), media_type="application/json", headers=headers)
