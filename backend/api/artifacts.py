"""`/jobs/{id}/artifacts/{name}`: the large results, as JSON, CSV or Parquet; pages as HTML."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from backend.api.deps import CurrentUser, Every, State
from backend.api.errors import documented
from backend.services.artifacts import MEDIA_TYPES, Format, open_artifact

# A page may run the script that it carries, and nothing else: it has no origin, so it reaches neither the API nor what
# a browser keeps for this host, and it can load and send nothing.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}

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
    file_format: Annotated[
        Format | None, Query(alias="format", description="By default html for a page, and json for rows.")
    ] = None,
) -> StreamingResponse:
    """Stream one artifact of a job."""
    job = await state.jobs.get(user, job_id, every=every)
    found = await open_artifact(state.engine, state.artifacts, job.id, name, file_format)
    is_page = found.file_format == "html"
    shown = "inline" if is_page else "attachment"
    headers = {
        "Content-Disposition": f'{shown}; filename="{job.id}-{name}.{found.file_format}"',
        "X-Content-Type-Options": "nosniff",
        **(PAGE_HEADERS if is_page else {}),
    }
    return StreamingResponse(found.chunks, media_type=MEDIA_TYPES[found.file_format], headers=headers)
