"""Server-sent events: what `/ws` pushes, as a stream over plain HTTP that a client can only listen to.

    retry: 1000

    id: 3f9c2a:41
    event: snapshot
    data: {"ch": "job_updates", "type": "snapshot", "cursor": "3f9c2a:41", "is_complete": true, "data": {"jobs": [...]}}

    id: 3f9c2a:42
    event: update
    data: {"ch":"job_updates","type":"update","cursor":"3f9c2a:42","data":{...}}

    event: end
    data: {"code": 4508, "name": "TOO_SLOW", "reason": "..."}

A stream is a session that is told its subscriptions at the start: everything else is the same code. The id says where
the client is in each of its channels, and comes back as `Last-Event-ID`.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from fastapi import Response, WebSocketDisconnect
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from backend.core.errors import Forbidden, Invalid, TooManyConnections
from backend.core.events import CHANNELS, Cursor
from backend.core.user import User
from backend.websocket.protocol import CloseCode, Subscribe, head_of
from backend.websocket.route import CLOSE_WITHIN_S, Door
from backend.websocket.session import Ended, Session

RETRY_MS = 1_000
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # else a proxy may keep events until it has enough of them
}


class EventStream(Response):
    """An answer that goes on until either side ends it."""

    def __init__(
        self, door: Door, user: User, token: str, *, channels: Sequence[str], every: bool, last_event_id: str | None
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._door = door
        self._user = user
        self._token = token
        self._cursors = cursors_of(last_event_id, channels)
        if every and not user.is_admin:
            raise Forbidden("only an admin may subscribe to what all users are told")
        self._wanted = [
            Subscribe(op="subscribe", ch=channel, cursor=self._cursors.get(channel), all=every)
            for channel in dict.fromkeys(map(_known, channels))
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        try:
            self._door.enter(self._user)
        except Ended as error:
            raise TooManyConnections(str(error)) from error
        try:
            beat_s = self._door.parts.limits.heartbeat_s
            is_alone = len(self._wanted) == 1
            await self._talk(_EventLine(receive, send, self._cursors, is_alone=is_alone, heartbeat_s=beat_s))
        finally:
            self._door.leave(self._user)

    async def _talk(self, line: "_EventLine") -> None:
        try:
            await line.open(self.raw_headers)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(line.beat())
                await Session(line, self._door.parts, self._user, self._token).run(self._wanted)
        except* WebSocketDisconnect:
            pass
        except* Ended as group:
            ended = _first(group)
            await line.end(ended.code, str(ended))
        except* (SQLAlchemyError, OSError):
            await line.end(CloseCode.UNAVAILABLE, "the database does not answer")


class _EventLine:
    """A session's way to one listener: messages become events, and answers to what was never asked are left out."""

    def __init__(
        self, receive: Receive, send: Send, cursors: Mapping[str, str], *, is_alone: bool, heartbeat_s: float
    ) -> None:
        self._receive = receive
        self._send = send
        self._cursors = dict(cursors)
        self._is_alone = is_alone
        self._heartbeat_s = heartbeat_s
        self._is_sending = asyncio.Lock()
        self._sent_at = 0.0

    async def open(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await self._write(f"retry: {RETRY_MS}\n\n")

    async def receive(self) -> MutableMapping[str, Any]:  # Any: an ASGI message
        """Return once the client is gone, in the words of a WebSocket."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        return {"type": "websocket.disconnect"}

    async def send_text(self, data: str) -> None:
        head = head_of(data)
        if head is not None:
            self._cursors[head.channel] = head.cursor
            await self._write(
                f"id: {event_id(self._cursors, is_alone=self._is_alone)}\nevent: {head.type}\ndata: {data}\n\n"
            )
            return
        answer = json.loads(data)
        if not answer["ok"]:  # what can be refused was looked at before: only Redis is left
            raise Ended(CloseCode.UNAVAILABLE, answer["error"]["message"])

    async def beat(self) -> None:
        """Say something when nothing else is said, so that nobody takes the line for dead."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(max(0.0, self._sent_at + self._heartbeat_s - clock()))
            if clock() - self._sent_at >= self._heartbeat_s:
                await self._write(": still here\n\n")

    async def end(self, code: CloseCode, reason: str) -> None:
        """Tell why it ends; a listener that reads nothing is dropped without a word."""
        told = json.dumps({"code": int(code), "name": code.name, "reason": reason})
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._write(f"event: end\ndata: {told}\n\n")
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, text: str) -> None:
        async with self._is_sending:
            await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            self._sent_at = asyncio.get_running_loop().time()


def event_id(cursors: Mapping[str, str], *, is_alone: bool) -> str:
    """Return one id for the places in all channels: the cursor as `/ws` has it, or `channel=cursor,...` for several."""
    if is_alone:
        return next(iter(cursors.values()))
    return ",".join(f"{channel}={cursor}" for channel, cursor in sorted(cursors.items()))


def cursors_of(text: str | None, channels: Sequence[str]) -> dict[str, str]:
    """Return the cursors that an id names, by channel; Invalid when it never was one."""
    if not text:
        return {}
    parts = dict(part.partition("=")[::2] for part in text.split(",")) if "=" in text else {}
    if not parts and len(channels) == 1:
        parts = {channels[0]: text}
    if not parts:
        raise Invalid(
            "last_event_id: with several channels it looks like 'job_updates=3f9c2a:41,...', as an event had it"
        )
    for cursor in parts.values():
        try:
            Cursor.parse(cursor)
        except ValueError as error:
            raise Invalid(f"last_event_id: {error}") from error
    return {channel: cursor for channel, cursor in parts.items() if channel in channels}


def _known(channel: str) -> str:
    if channel not in CHANNELS:
        raise Invalid(f"channels must be among {', '.join(CHANNELS)}, one was {channel[:64]!r}")
    return channel


def _first(group: BaseExceptionGroup[Ended]) -> Ended:
    found = group.exceptions[0]
    return found if isinstance(found, Ended) else _first(found)
