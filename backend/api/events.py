"""`/events`: what changes, as server-sent events, for clients without a WebSocket."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials

from backend.api.deps import CurrentUser, bearer
from backend.api.errors import documented

MAX_ID_LENGTH = 500

router = APIRouter(tags=["events"])
LastEventId = Annotated[str | None, Header(max_length=MAX_ID_LENGTH, description="The id of the last event that came.")]


@router.get(
    "/events",
    operation_id="listen_to_events",
    response_class=Response,
    responses={
        200: {"description": "Events, for as long as both sides stay", "content": {"text/event-stream": {}}},
        **documented(401, 403, 422, 429),
    },
)
async def events(
    request: Request,
    user: CurrentUser,
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
    *,
    channels: Annotated[str, Query(max_length=200, description="Comma separated.")] = "job_updates",
    every: Annotated[bool, Query(alias="all", description="What all users are told (admins only).")] = False,
    last_event_id: LastEventId = None,
    id_in_query: Annotated[
        str | None, Query(alias="last_event_id", max_length=MAX_ID_LENGTH, description="The same as the header.")
    ] = None,
) -> Response:
    """Listen: a snapshot or what was missed since the last event, then every change. See docs/websocket.md."""
    wanted = [channel.strip() for channel in channels.split(",") if channel.strip()]
    answer: Response = request.app.state.event_stream(
        user,
        credentials.credentials,
        channels=wanted or ["job_updates"],
        every=every,
        last_event_id=last_event_id or id_in_query,
    )
    return answer
