"""`/metrics` for Prometheus: on a token of its own, or from this machine where none is set."""

import hmac
import ipaddress
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from backend.api.deps import State, bearer
from backend.api.errors import documented
from backend.core.errors import Forbidden, Unauthenticated

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")

router = APIRouter(tags=["health"])


def _may_scrape(
    request: Request, state: State, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> None:
    expected = state.settings.metrics_token
    if expected is None:
        if not _is_local(request):
            raise Forbidden("metrics are for this machine only, unless METRICS_TOKEN is set")
        return
    given = "" if credentials is None else credentials.credentials
    if not hmac.compare_digest(given.encode(), expected.get_secret_value().encode()):
        raise Unauthenticated("expected the header `Authorization: Bearer <METRICS_TOKEN>`")


def _is_local(request: Request) -> bool:
    """Tell whether it comes from this machine and not through a proxy on it, which speaks for anybody."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@router.get(
    "/metrics",
    operation_id="get_metrics",
    dependencies=[Depends(_may_scrape)],
    response_class=Response,
    responses={200: {"description": "Prometheus's text format", "content": {"text/plain": {}}}, **documented(401, 403)},
)
async def metrics(state: State) -> Response:
    """Show what this process measures, and what is counted of all jobs: the latter is the same on each replica."""
    return Response(await state.metrics.text(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
