"""What waits to be sent to one client. It is bounded: a client that reads too slowly is let go, and resumes later."""

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from backend.core.events import Kind, Message

CONFLATE_FROM = 16
"""Progress is replaced by newer progress only once so many messages wait: a client that keeps up sees every step."""


class Overflow(Exception):
    """More waits than this client may leave unread."""


@dataclass(frozen=True)
class _Waiting:
    text: str
    size: int
    progress_of: str | None


class Outbox:
    def __init__(self, *, max_pending: int, max_pending_bytes: int) -> None:
        self._max_pending = max_pending
        self._max_bytes = max_pending_bytes
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._latest_progress: dict[str, int] = {}
        self._bytes = 0
        self._number = 0
        self._event = asyncio.Event()
        self._overflow = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def has_room_for(self, messages: Sequence[Message]) -> bool:
        """Tell whether these fit in at once, with as much left for what comes meanwhile."""
        size = self._bytes + sum(len(message.data) for message in messages)
        return 2 * (len(self._waiting) + len(messages)) <= self._max_pending and 2 * size <= self._max_bytes

    def fitting(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the first of these, as many as there is room for."""
        count = bisect_left(range(len(messages)), x=True, key=lambda last: not self.has_room_for(messages[: last + 1]))
        return messages[:count]

    def put(self, text: str, *, kind: Kind = Kind.STATE, key: str = "", has_own_limit: bool = False) -> None:
        """Add a message; newer progress of the same thing takes the place of older. Never blocks.

        has_own_limit: its bytes do not count here, since its size is bounded elsewhere (a snapshot's).
        The message that is too many empties the outbox for good: what a lost client costs is bounded.
        """
        if self._overflow.is_set():
            return
        if kind == Kind.PROGRESS and len(self._waiting) >= CONFLATE_FROM:
            self._forget(self._latest_progress.pop(key, None))
        self._number += 1
        progress_of = key if kind == Kind.PROGRESS else None
        if progress_of is not None:
            self._latest_progress[progress_of] = self._number
        waiting = _Waiting(text, 0 if has_own_limit else len(text), progress_of)
        self._waiting[self._number] = waiting
        self._bytes += waiting.size
        if len(self._waiting) > self._max_pending or self._bytes > self._max_bytes:
            self._overflow.set()
            self._waiting.clear()
            self._latest_progress.clear()
        self._empty.clear()
        self._event.set()

    async def get(self) -> str:
        """Return the oldest message, as soon as there is one; Overflow when too many had come."""
        while not self._waiting:
            if self._overflow.is_set():
                raise Overflow
            self._event.clear()
            await self._event.wait()
        number, waiting = self._waiting.popitem(last=False)
        self._bytes -= waiting.size
        if waiting.progress_of is not None and self._latest_progress.get(waiting.progress_of) == number:
            del self._latest_progress[waiting.progress_of]
        if not self._waiting:
            self._empty.set()
        return waiting.text

    async def emptied(self) -> None:
        """Return once nothing waits: the client has taken all, but perhaps the last."""
        await self._empty.wait()

    async def overflowed(self) -> None:
        """Return once too many messages had come: whoever sends may hang on a client that does not read."""
        await self._overflow.wait()

    def __len__(self) -> int:
        return len(self._waiting)

    def _forget(self, number: int | None) -> None:
        if number is not None:
            self._bytes -= self._waiting.pop(number).size
