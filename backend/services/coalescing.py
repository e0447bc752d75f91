"""Many small questions as few large ones: what is asked while an answer is on its way goes with the next.

A lone question goes at once. Under load a commit, or a round trip, is shared by all who came during the last one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Coalescer(Generic[Asked, Answer]):
    """`answer` is given some questions, and returns their answers in the same order; what it raises, all get."""

    def __init__(self, answer: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]], *, at_most: int) -> None:
        self._answer = answer
        self._at_most = at_most
        self._waiting: list[tuple[Asked, asyncio.Future[Answer]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Asked) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
                await self._answer_all(group)
        finally:
            self._task = None

    async def _answer_all(self, group: Sequence[tuple[Asked, asyncio.Future[Answer]]]) -> None:
        """Answer those who still wait; a question whose asker went away is answered all the same, to nobody."""
        try:
            answers = await self._answer([question for question, _ in group])
        except Exception as error:  # noqa: BLE001 - it is raised again, where each of them waits
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)
