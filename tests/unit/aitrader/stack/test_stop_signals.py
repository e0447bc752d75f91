import asyncio
import os
import signal

import pytest

from aitrader.stack.stop_signals import StopRequest, stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_a_second_one_asks_for_haste(number):
    async def scene():
        haste = asyncio.Event()
        with stop_on_signals() as stop:
            stop.on_haste(haste.set)
            async with asyncio.timeout(10):
                os.kill(os.getpid(), number)
                await stop.wait()
                assert not haste.is_set()
                os.kill(os.getpid(), number)
                await haste.wait()

    asyncio.run(scene())


def test_work_goes_on_unless_a_stop_is_asked_for():
    async def work():
        return 42

    async def scene():
        return await StopRequest().unless_made(work())

    assert asyncio.run(scene()) == 42


def test_work_is_cancelled_when_a_stop_is_asked_for():
    ended = []

    async def work():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    async def scene():
        stop = StopRequest()
        asyncio.get_running_loop().call_soon(stop.make, 3)
        assert await stop.unless_made(work()) is None
        return stop.exit_code

    assert asyncio.run(scene()) == 3
    assert ended == ["cleaned up"]


def test_an_error_of_the_work_is_raised():
    async def work():
        raise LookupError("gone")

    async def scene():
        await StopRequest().unless_made(work())

    with pytest.raises(LookupError, match="gone"):
        asyncio.run(scene())
