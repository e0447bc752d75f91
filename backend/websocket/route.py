"""The route `/ws`: who may open it, and how it ends."""

import asyncio
from collections import Counter
from typing import NoReturn
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.routing import WebSocketRoute

from backend.core.errors import AppError, Unauthenticated
from backend.core.user import User
from backend.websocket.protocol import REQUEST, Authenticate, CloseCode, Subscribe, accepted, refused
from backend.websocket.session import Ended, Parts, Session, receive_text

CLOSE_WITHIN_S = 5.0
"""A client that reads nothing cannot be told why it is let go either; after so long it is dropped."""

router = APIRouter()


class Door:
    """Counts the open connections of each user, and knows which pages may connect."""

    def __init__(self, parts: Parts, cors_origins: tuple[str, ...]) -> None:
        self.parts = parts
        self._origins = frozenset(cors_origins)
        self._open: Counter[UUID] = Counter()

    def admits_origin(self, socket: WebSocket) -> bool:
        """Programs send no Origin; browsers do, and only our own page and listed ones may connect."""
        origin = socket.headers.get("origin")
        return origin is None or origin in self._origins or urlsplit(origin).netloc == socket.headers.get("host")

    @property
    def open_count(self) -> int:
        """Return how many connections are open, of all users."""
        return self._open.total()

    def enter(self, user: User) -> None:
        if self._open[user.id] >= self.parts.limits.max_connections_per_user:
            raise Ended(CloseCode.TOO_MANY_CONNECTIONS, "this user has too many open connections")
        self._open[user.id] += 1

    def leave(self, user: User) -> None:
        self._open[user.id] -= 1
        if not self._open[user.id]:
            del self._open[user.id]


async def websocket(socket: WebSocket) -> None:
    """Push what changes to an authenticated client, until either side ends it."""
    door: Door = socket.app.state.door
    if not door.admits_origin(socket):
        await socket.close(CloseCode.FORBIDDEN)
        return
    await socket.accept()
    try:
        user, token = await _who(socket, door.parts)
        door.enter(user)
        try:
            await Session(socket, door.parts, user, token).run(_channels(socket))
        finally:
            door.leave(user)
    except* WebSocketDisconnect:
        pass
    except* Ended as group:
        ended = _first(group)
        await _close(socket, ended.code, str(ended))
    except* (SQLAlchemyError, OSError):
        await _close(socket, CloseCode.UNAVAILABLE, "the database does not answer")


# Starlette's route: FastAPI's keeps 3 KB of dependency machinery for as long as a connection lives.
router.routes.append(WebSocketRoute("/ws", websocket))


async def _who(socket: WebSocket, parts: Parts) -> tuple[User, str]:
    """Return the user by the header's token, else by the first message's."""
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() == "bearer":
            return await parts.guard.authenticate(token.strip()), token.strip()
        async with asyncio.timeout(parts.limits.auth_timeout_s):
            request = REQUEST.validate_json(await receive_text(socket, parts.limits.max_message_bytes))
        if not isinstance(request, Authenticate):
            await _refuse(socket, request.id, Unauthenticated("the first message must be {op: auth, token}"))
        user = await parts.guard.authenticate(request.token)
        await socket.send_text(accepted(request.id))
    except TimeoutError:
        raise Ended(CloseCode.AUTH_TIMEOUT, "no token came in time") from None
    except (ValidationError, AppError) as error:
        told = error if isinstance(error, AppError) else Unauthenticated("expected {op: auth, token}")
        await _refuse(socket, None, told)
    return user, request.token


async def _refuse(socket: WebSocket, request_id: int | str | None, error: AppError) -> NoReturn:
    await socket.send_text(refused(request_id, error.code, str(error)))
    raise Ended(CloseCode.UNAUTHENTICATED, "not authenticated") from error


def _channels(socket: WebSocket) -> list[Subscribe]:
    """Return what `?channels=job_updates,trading_signals` asks for: subscriptions without a message."""
    asked = socket.query_params.get("channels", "")
    return [Subscribe(op="subscribe", ch=channel.strip()[:64]) for channel in asked.split(",") if channel.strip()]


def _first(group: BaseExceptionGroup[Ended]) -> Ended:
    found = group.exceptions[0]
    return found if isinstance(found, Ended) else _first(found)


async def _close(socket: WebSocket, code: CloseCode, reason: str) -> None:
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await socket.close(code, reason[:120])
    except (RuntimeError, WebSocketDisconnect, TimeoutError):
        return  # the client was faster, or does not listen
