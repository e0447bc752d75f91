"""What every request passes through: a limit on its body, and one log line."""

import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import problem
from backend.core.errors import TooLarge
from backend.core.logging import get_logger
from backend.core.request_ids import HEADER, request_id_of, serving
from backend.services.instruments import Instruments

IMPORT_PATH = "/api/market/import"
BATCH_PATH = "/jobs/batch"

log = get_logger("backend.access")


class BodyLimit:
    """Refuses bodies over the limit: by their declared length at once, else when they grow over it."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, larger: Mapping[str, int]) -> None:
        """larger: the limits of paths that take more than others do."""
        self._app = app
        self._max_bytes = max_bytes
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._max_bytes)
        if _declared_length(scope) > limit:
            answer = problem(413, TooLarge.code, f"a body here has {limit} bytes at most", scope["path"])
            await answer(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


class AccessLog:
    """Binds the request's id to everything logged meanwhile, answers with it, and logs one line."""

    def __init__(self, app: ASGIApp, instruments: Instruments | None = None) -> None:
        self._app = app
        self._instruments = instruments or Instruments()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500
        request_id = request_id_of(_header(scope, HEADER))

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER.lower().encode(), request_id.encode())]
            await send(message)

        with serving(request_id):
            try:
                await self._app(scope, receive, send_noting_status)
            finally:
                duration_s = time.perf_counter() - start
                self._instruments.request(scope["method"], _template(scope), status, duration_s)
                # Only the path: a query may hold what somebody put there by mistake.
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=round(duration_s * 1000, 2),
                )


def _template(scope: Scope) -> str | None:
    """Return the path of the route that answered, with its parameters' names in it; None when there was none."""
    path: str | None = getattr(scope.get("route"), "path", None)
    return path


def _declared_length(scope: Scope) -> int:
    length = _header(scope, "Content-Length")
    return int(length) if length is not None and length.isdigit() else 0


def _header(scope: Scope, wanted: str) -> str | None:
    """Return the first header of that name, if there is one."""
    key = wanted.lower().encode()
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == key), None)


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def receive_counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge(f"a body here has {limit} bytes at most")
        return message

    return receive_counting
