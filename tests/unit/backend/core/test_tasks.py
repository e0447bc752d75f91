import asyncio
import contextlib

from backend.core.tasks import end_task


def test_task_that_swallows_a_cancel_is_ended_all_the_same() -> None:
    async def stubborn(is_running: asyncio.Event) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            is_running.set()
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def scene() -> bool:
        is_running = asyncio.Event()
        task = asyncio.create_task(stubborn(is_running))
        await is_running.wait()
        await asyncio.wait_for(end_task(task), 10)
        return task.cancelled()

    assert asyncio.run(scene()) is True


def test_task_that_has_ended_is_left_alone() -> None:
    async def scene() -> bool:
        task = asyncio.create_task(asyncio.sleep(0))
        await task
        await end_task(task)
        return task.cancelled()

    assert asyncio.run(scene()) is False
