"""One conversation: who is there, what they subscribe to, and when it ends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from fastapi import WebSocketDisconnect
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.core.errors import AppError, Forbidden, Invalid, Unauthenticated, Unavailable
from backend.core.event_log import position, since
from backend.core.events import CHANNELS, Channel, Cursor, Topic
from backend.core.logging import get_logger
from backend.core.user import User
from backend.settings import WebSocketSettings
from backend.websocket.allowance import Allowance
from backend.websocket.chore import Chore
from backend.websocket.outbox import Outbox, Overflow, Tally
from backend.websocket.protocol import (
    REQUEST,
    Authenticate,
    CloseCode,
    Ping,
    Request,
    Subscribe,
    Unsubscribe,
    accepted,
    refused,
    snapshot,
)
from backend.websocket.subscription import Subscription

log = get_logger(__name__)


class Line(Protocol):
    """How a client is reached: a WebSocket, or an event stream, on which it says nothing but that it goes."""

    async def receive(self) -> MutableMapping[str, Any]: ...  # Any: an ASGI message
    async def send_text(self, data: str) -> None: ...


class Broadcaster(Protocol):
    async def join(self, topic: Topic, ear: Subscription) -> Cursor: ...
    async def leave(self, topic: Topic, ear: Subscription) -> None: ...


class Guard(Protocol):
    """Who may come in."""

    async def authenticate(self, token: str) -> User: ...


@dataclass(frozen=True)
class Snapshot:
    """What a channel's new listeners are shown first: `limit` items at most, each JSON already, under one name."""

    name: str
    limit: int
    items: Callable[[UUID | None, int], Awaitable[list[str]]]
    """Of one user, or of all (None)."""


class Ended(Exception):
    """The conversation is over, by our word."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class Parts:
    """What every session needs."""

    broadcaster: Broadcaster
    guard: Guard
    redis: Redis
    limits: WebSocketSettings
    snapshots: Mapping[Channel, Snapshot]
    tally: Tally = field(default_factory=Tally)


class Session:
    """The messages of one client, in turn; sending goes on beside it."""

    def __init__(self, socket: Line, parts: Parts, user: User, token: str) -> None:
        self._socket = socket
        self._parts = parts
        self._user = user
        self._token = token
        limits = parts.limits
        self._tasks = asyncio.TaskGroup()
        self._outbox = Outbox(
            max_pending=limits.max_pending,
            max_pending_bytes=limits.max_pending_bytes,
            on_overflow=lambda: self._start(self._end_for_slowness()),
            tally=parts.tally,
        )
        self._subscriptions: dict[str, Subscription] = {}
        self._gaps = Chore(self._start, self._mend_gap)
        self._resuming = Chore(self._start, self._send_missed)
        self._recheck: asyncio.TimerHandle | None = None
        self._allowance = Allowance(limits.max_messages_per_s)

    async def run(self, first: Sequence[Subscribe]) -> None:
        """Talk until the client goes, or until there is a reason to end it."""
        try:
            async with self._tasks:
                self._start(self._send_all())
                self._recheck_token_later()
                for request in first:
                    await self._answer(request)
                await self._receive_all()
        finally:
            if self._recheck is not None:
                self._recheck.cancel()
            for subscription in self._subscriptions.values():
                await self._parts.broadcaster.leave(subscription.topic, subscription)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside the conversation, unless that is ending already."""
        try:
            self._tasks.create_task(work)
        except RuntimeError:  # what a group that ends answers
            work.close()

    async def _receive_all(self) -> None:
        while True:
            text = await receive_text(self._socket, self._parts.limits.max_message_bytes)
            if not self._allowance.take():
                raise Ended(CloseCode.TOO_MANY_MESSAGES, "more messages a second than allowed")
            try:
                request = REQUEST.validate_json(text)
            except ValidationError as error:
                self._outbox.put(refused(None, Invalid.code, _first_problem(error)))
            else:
                await self._answer(request)

    async def _answer(self, request: Request) -> None:
        try:
            match request:
                case Subscribe():
                    await self._subscribe(request)
                case Unsubscribe():
                    await self._unsubscribe(request)
                case Ping():
                    self._outbox.put(accepted(request.id))
                case Authenticate():
                    raise Invalid("this connection is authenticated already")
        except AppError as error:
            self._outbox.put(refused(request.id, error.code, str(error)))
        except RedisError:
            self._outbox.put(refused(request.id, Unavailable.code, "Redis does not answer; try again"))

    async def _subscribe(self, request: Subscribe) -> None:
        topic = self._topic(request)
        wanted = None if request.cursor is None else _cursor(request.cursor)
        await self._drop(request.ch)
        subscription = Subscription(topic, self._outbox, on_gap=lambda *gap: self._gaps.add(gap))
        at = await self._parts.broadcaster.join(topic, subscription)
        self._subscriptions[request.ch] = subscription
        try:
            missed = None if wanted is None else await since(self._parts.redis, topic, wanted, limit=1)
        except RedisError:
            await self._drop(request.ch)  # the client is refused, so nothing may be held back for it
            raise
        if wanted is not None and missed is not None:
            self._outbox.put(accepted(request.id, cursor=str(wanted), recovered=True))
            subscription.resume(wanted)
            self._resuming.add(subscription)
            return
        recovered = {} if wanted is None else {"recovered": False}
        self._outbox.put(accepted(request.id, cursor=str(at), **recovered))
        await self._send_snapshot(subscription, at)

    async def _unsubscribe(self, request: Unsubscribe) -> None:
        if request.ch not in self._subscriptions:
            raise Invalid(f"there is no subscription to {request.ch!r}")
        await self._drop(request.ch)
        self._outbox.put(accepted(request.id))

    async def _drop(self, channel: str) -> None:
        old = self._subscriptions.pop(channel, None)
        if old is not None:
            await self._parts.broadcaster.leave(old.topic, old)

    def _topic(self, request: Subscribe) -> Topic:
        channel = next((known for known in CHANNELS if known == request.ch), None)
        if channel is None:
            raise Invalid(f"ch must be one of {', '.join(CHANNELS)}, it was {request.ch!r}")
        if request.all and not self._user.is_admin:
            raise Forbidden("only an admin may subscribe to what all users are told")
        return Topic(channel, None if request.all else self._user.id)

    async def _send_snapshot(self, subscription: Subscription, at: Cursor) -> None:
        """Send how the channel's things are now; what changed since `at` follows as updates."""
        shown = self._parts.snapshots[subscription.channel]
        items = await shown.items(subscription.topic.user_id, shown.limit)
        text = snapshot(subscription.channel, str(at), shown.name, items, is_complete=len(items) < shown.limit)
        self._outbox.put(text, has_own_limit=True)
        subscription.begin(at)

    async def _mend_gap(self, gap: tuple[Subscription, Cursor]) -> None:
        """Where messages were lost for good, send a snapshot in their place."""
        subscription, at = gap
        if self._subscriptions.get(subscription.channel) is subscription:
            await self._send_snapshot(subscription, at)

    async def _send_missed(self, subscription: Subscription) -> None:
        """Send one who came back what was missed, no faster than it is taken."""
        try:
            while self._is_resuming(subscription):
                await self._outbox.emptied()
                await self._send_some_missed(subscription)
        except RedisError as error:
            raise Ended(CloseCode.UNAVAILABLE, "Redis does not answer; resume from the last cursor") from error

    async def _send_some_missed(self, subscription: Subscription) -> None:
        """Send as much as there is room for; a snapshot where the history has it no more, or never will be room."""
        after = subscription.resumes_after
        if after is None:
            return
        subscription.hold_anew()
        at_once = max(1, self._parts.limits.max_pending // 2)
        missed = await since(self._parts.redis, subscription.topic, after, limit=at_once)
        if not self._is_resuming(subscription):
            return
        fitting = () if missed is None else self._outbox.fitting(missed)
        if missed is None or (missed and not fitting and len(self._outbox) == 0):
            subscription.give_up(await position(self._parts.redis, subscription.topic))
        elif len(fitting) < len(missed) or len(missed) == at_once:
            subscription.catch_up(fitting)
        else:
            subscription.begin(after, missed)

    def _is_resuming(self, subscription: Subscription) -> bool:
        return self._subscriptions.get(subscription.channel) is subscription and subscription.resumes_after is not None

    async def _send_all(self) -> None:
        with contextlib.suppress(Overflow):  # `_end_for_slowness` ends the conversation
            while True:
                await self._socket.send_text(await self._outbox.get())

    async def _end_for_slowness(self) -> None:
        raise Ended(CloseCode.TOO_SLOW, "too much waited to be read; resume from the last cursor")

    def _recheck_token_later(self) -> None:
        delay_s = self._parts.limits.recheck_token_s
        self._recheck = asyncio.get_running_loop().call_later(delay_s, lambda: self._start(self._recheck_token()))

    async def _recheck_token(self) -> None:
        """End the conversation soon after its token was revoked, or its user may do other things than before."""
        try:
            user = await self._parts.guard.authenticate(self._token)
        except Unauthenticated as error:
            raise Ended(CloseCode.UNAUTHENTICATED, str(error)) from error
        except Exception as error:  # noqa: BLE001 - no database for a while is no reason to hang up
            log.warning("token_recheck_failed", error=type(error).__name__)
        else:
            if user != self._user:
                raise Ended(CloseCode.UNAUTHENTICATED, "the user's role has changed; authenticate again")
        self._recheck_token_later()


async def receive_text(socket: Line, max_bytes: int) -> str:
    """Return the next text message; bytes are taken as UTF-8 text too."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text: str = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
    if len(text.encode()) > max_bytes:
        raise Ended(CloseCode.TOO_BIG, f"a message has {max_bytes} bytes at most")
    return text


def _cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    return f"{path}: {first['msg']}" if path else first["msg"]
