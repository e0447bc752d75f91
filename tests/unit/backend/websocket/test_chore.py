import asyncio
from collections.abc import Coroutine

from backend.websocket.chore import Chore


def test_things_are_done_one_after_the_other_in_order() -> None:
    async def scene() -> list[str]:
        told: list[str] = []

        async def do(thing: str) -> None:
            told.append(f"{thing} begins")
            await asyncio.sleep(0)
            told.append(f"{thing} ends")

        async with asyncio.TaskGroup() as tasks:
            chore = Chore(tasks.create_task, do)
            chore.add("a")
            chore.add("b")
        return told

    assert asyncio.run(scene()) == ["a begins", "a ends", "b begins", "b ends"]


def test_no_task_lives_while_nothing_is_to_do() -> None:
    async def scene() -> None:
        begun: list[asyncio.Task[None]] = []
        done: list[int] = []

        async def do(thing: int) -> None:
            done.append(thing)

        def start(work: Coroutine[None, None, None]) -> None:
            begun.append(asyncio.create_task(work))

        chore = Chore(start, do)
        assert begun == []
        for thing in (1, 2):
            chore.add(thing)
            await begun[-1]
        assert (done, len(begun)) == ([1, 2], 2)

    asyncio.run(scene())
