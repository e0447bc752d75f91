"""Ending background tasks for certain."""

import asyncio

AGAIN_AFTER_S = 0.5


async def end_task(task: asyncio.Task[None]) -> None:
    """Return once the task has ended; it is cancelled again for as long as it goes on.

    Once is not enough: on Python 3.11 `asyncio.wait_for`, through which redis-py writes, swallows a cancel that comes
    at the moment when its own work is done (python/cpython#86296).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_AFTER_S)
