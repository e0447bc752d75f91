"""Work that comes now and then: its task lives only while there is some, for tasks cost memory in every connection."""

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Chore(Generic[Thing]):
    """Does one thing after the other, in the order they came."""

    def __init__(
        self, start: Callable[[Coroutine[None, None, None]], None], do: Callable[[Thing], Awaitable[None]]
    ) -> None:
        self._start = start
        self._do = do
        self._waiting: deque[Thing] | None = None

    def add(self, thing: Thing) -> None:
        """Have the thing done soon. Never blocks."""
        if self._waiting is not None:
            self._waiting.append(thing)
            return
        self._waiting = deque([thing])
        self._start(self._work(self._waiting))

    async def _work(self, waiting: deque[Thing]) -> None:
        try:
            while waiting:
                await self._do(waiting.popleft())
        finally:
            self._waiting = None
