"""`/jobs/{id}/artifacts/{name}`: the large results, as JSON, CSV or Parquet."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from backend.api.deps import CurrentUser, Every, State
from backend.api.errors import documented
from backend.services.artifacts import MEDIA_TYPES, open_artifact

router = APIRouter(prefix="/jobs/{job_id}/artifacts", tags=["jobs"])


@router.get(
    "/{name}",
    operation_id="get_artifact",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The artifact",
            "content": {media_type: {} for media_type in MEDIA_TYPES.values()},
        },
        **documented(401, 403, 404, 422),
    },
)
async def get_artifact(
    state: State,
    user: CurrentUser,
    every: Every,
    job_id: UUID,
    name: Annotated[str, Path(pattern=r"^[a-z_]{1,40}$")],
    file_format: Annotated[Literal["json", "csv", "parquet"], Query(alias="format")] = "json",
) -> StreamingResponse:
    """Stream one artifact of a job."""
    job = await state.jobs.get(user, job_id, every=every)
    chunks = await open_artifact(state.engine, state.artifacts, job.id, name, file_format)
    headers = {"Content-Disposition": f'attachment; filename="{job.id}-{name}.{file_format}"'}
    return StreamingResponse(chunks, media_type=MEDIA_TYPES[file_format], headers=headers)
