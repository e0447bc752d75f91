"""Questions that come together are answered together, and each gets its own answer."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.services.coalescing import Coalescer


class Oracle:
    """Doubles numbers; keeps the groups it was asked, and answers when it is let."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.is_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def answer(self, questions: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(questions))
        self.is_asked.set()
        await self.may_answer.wait()
        return [2 * question for question in questions]


def test_what_comes_meanwhile_goes_together_with_the_next() -> None:
    async def scene() -> tuple[list[list[int]], list[int]]:
        oracle = Oracle()
        coalescer = Coalescer(oracle.answer, at_most=3)
        asked = [asyncio.create_task(coalescer.ask(1))]
        await oracle.is_asked.wait()
        asked += [asyncio.create_task(coalescer.ask(n)) for n in (2, 3, 4, 5)]
        await asyncio.sleep(0)
        oracle.may_answer.set()
        return oracle.groups, await asyncio.gather(*asked)

    groups, answers = asyncio.run(scene())
    assert groups == [[1], [2, 3, 4], [5]]
    assert answers == [2, 4, 6, 8, 10]


@given(st.lists(st.integers(), max_size=40), st.integers(1, 7))
def test_everybody_gets_the_answer_to_their_own_question(questions: list[int], at_most: int) -> None:
    async def scene() -> list[int]:
        oracle = Oracle()
        oracle.may_answer.set()
        coalescer = Coalescer(oracle.answer, at_most=at_most)
        return list(await asyncio.gather(*map(coalescer.ask, questions)))

    assert asyncio.run(scene()) == [2 * question for question in questions]


def test_an_error_reaches_all_who_asked_and_the_next_are_answered() -> None:
    async def scene() -> tuple[list[object], int]:
        is_broken = True

        async def answer(questions: Sequence[int]) -> Sequence[int]:
            if is_broken:
                raise LookupError("no answer")
            return questions

        coalescer = Coalescer(answer, at_most=10)
        failed = await asyncio.gather(coalescer.ask(1), coalescer.ask(2), return_exceptions=True)
        is_broken = False
        return list(failed), await coalescer.ask(3)

    failed, answered = asyncio.run(scene())
    assert [type(error) for error in failed] == [LookupError, LookupError]
    assert answered == 3


def test_one_who_goes_away_takes_nobody_along() -> None:
    async def scene() -> int:
        oracle = Oracle()
        coalescer = Coalescer(oracle.answer, at_most=10)
        impatient, patient = asyncio.create_task(coalescer.ask(1)), asyncio.create_task(coalescer.ask(2))
        await oracle.is_asked.wait()
        impatient.cancel()
        oracle.may_answer.set()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        return await patient

    assert asyncio.run(scene()) == 4
