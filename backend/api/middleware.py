"""What every request passes through: a limit on its body, and one log line."""

import time
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import problem
from backend.core.errors import TooLarge
from backend.core.logging import get_logger

IMPORT_PATH = "/api/market/import"

log = get_logger("backend.access")


class BodyLimit:
    """Refuses bodies over the limit: by their declared length at once, else when they grow over it."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, max_import_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_import_bytes = max_import_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._max_import_bytes if scope["path"] == IMPORT_PATH else self._max_bytes
        if _declared_length(scope) > limit:
            answer = problem(413, TooLarge.code, f"a body here has {limit} bytes at most", scope["path"])
            await answer(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


class AccessLog:
    """Binds a request id to everything logged meanwhile, and logs method, path, status and duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=uuid4().hex):
            try:
                await self._app(scope, receive, send_noting_status)
            finally:
                duration_ms = round((time.perf_counter() - start) * 1000, 2)
                # Only the path: a query may hold what somebody put there by mistake.
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    duration_ms=duration_ms,
                )


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


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
