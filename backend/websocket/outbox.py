"""What waits to be sent to one client. It is bounded: a client that reads too slowly is let go, and resumes later."""

import asyncio
import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import WeakSet

from backend.core.events import Kind, Message

CONFLATE_FROM = 16
"""Progress is replaced by newer progress only once so many messages wait: a client that keeps up sees every step."""


class Tally:
    """What all outboxes of a process have let go, and the outboxes there are."""

    def __init__(self) -> None:
        self.conflated = 0
        self.overflowed = 0
        self._open: WeakSet[Outbox] = WeakSet()

    def opened(self, outbox: "Outbox") -> None:
        self._open.add(outbox)

    @property
    def lag_s(self) -> float:
        """Return for how long the slowest client has not taken what waits for it."""
        now = time.monotonic()
        return max((now - outbox.moved_at for outbox in tuple(self._open) if len(outbox)), default=0.0)


class Overflow(Exception):
    """More waits than this client may leave unread."""


class _Waiting(NamedTuple):
    """One message in line. A tuple, since one is made for each client and message."""

    text: str
    size: int
    progress_of: str | None


class Outbox:
    def __init__(
        self,
        *,
        max_pending: int,
        max_pending_bytes: int,
        on_overflow: Callable[[], None] = lambda: None,
        tally: Tally | None = None,
    ) -> None:
        self.moved_at = time.monotonic()
        """When something was last taken, or began to wait; of time.monotonic()."""
        self._tally = tally or Tally()
        self._tally.opened(self)
        self._max_pending = max_pending
        self._max_bytes = max_pending_bytes
        self._on_overflow = on_overflow
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self._latest_progress: dict[str, int] = {}
        self._bytes = 0
        self._number = 0
        self._has_overflowed = False
        # Plain lists: an asyncio.Event is 0.7 KB, and a process has thousands of these.
        self._who_gets: list[asyncio.Future[None]] = []
        self._who_waits_for_none: list[asyncio.Future[None]] = []

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
        The message that is too many empties the outbox for good: what a lost client costs is bounded. `on_overflow`
        is then called: whoever sends may hang on a client that does not read, and would not notice.
        """
        if self._has_overflowed:
            return
        if not self._waiting:
            self.moved_at = time.monotonic()
        self._number += 1
        progress_of = None
        if kind == Kind.PROGRESS:
            if len(self._waiting) >= CONFLATE_FROM:
                self._forget(self._latest_progress.pop(key, None))
            progress_of = key
            self._latest_progress[key] = self._number
        size = 0 if has_own_limit else len(text)
        self._waiting[self._number] = _Waiting(text, size, progress_of)
        self._bytes += size
        if len(self._waiting) > self._max_pending or self._bytes > self._max_bytes:
            self._has_overflowed = True
            self._tally.overflowed += 1
            self._waiting.clear()
            self._latest_progress.clear()
            self._on_overflow()
        if self._who_gets:
            _wake(self._who_gets)

    async def get(self) -> str:
        """Return the oldest message, as soon as there is one; Overflow when too many had come."""
        while not self._waiting:
            if self._has_overflowed:
                raise Overflow
            await _turn_in(self._who_gets)
        number, waiting = self._waiting.popitem(last=False)
        self.moved_at = time.monotonic()
        self._bytes -= waiting.size
        if waiting.progress_of is not None and self._latest_progress.get(waiting.progress_of) == number:
            del self._latest_progress[waiting.progress_of]
        if not self._waiting:
            self._waiting.clear()  # gives the memory of a long line back, which taking the last one does not
            if self._who_waits_for_none:
                _wake(self._who_waits_for_none)
        return waiting.text

    async def emptied(self) -> None:
        """Return once nothing waits: the client has taken all, but perhaps the last."""
        while self._waiting or self._has_overflowed:  # the latter for good: nothing more is taken
            await _turn_in(self._who_waits_for_none)

    def __len__(self) -> int:
        return len(self._waiting)

    def _forget(self, number: int | None) -> None:
        if number is not None:
            self._tally.conflated += 1
            self._bytes -= self._waiting.pop(number).size


async def _turn_in(line: list[asyncio.Future[None]]) -> None:
    """Wait in a line until it is woken."""
    mine = asyncio.get_running_loop().create_future()
    line.append(mine)
    await mine


def _wake(line: list[asyncio.Future[None]]) -> None:
    for one in line:
        if not one.done():
            one.set_result(None)
    line.clear()
