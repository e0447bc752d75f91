"""Turn signals into a request to stop."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class StopRequest:
    """Made by the first signal or by `make`; more signals ask for haste."""

    def __init__(self) -> None:
        self._made = asyncio.Event()
        self._on_haste: Callable[[], None] | None = None
        self.exit_code = 0

    def make(self, exit_code: int = 0) -> None:
        if self._made.is_set():
            if self._on_haste is not None:
                self._on_haste()
            return
        self.exit_code = exit_code
        self._made.set()

    def on_haste(self, act: Callable[[], None]) -> None:
        self._on_haste = act

    async def wait(self) -> None:
        await self._made.wait()

    async def unless_made(self, work: Coroutine[None, None, T]) -> T | None:
        """Return what `work` returns; cancel it and return None as soon as the request is made."""
        doing = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._made.wait())
        try:
            await asyncio.wait({doing, stop}, return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return doing.result()
            return None
        finally:
            for task in (doing, stop):
                task.cancel()
            await asyncio.gather(doing, stop, return_exceptions=True)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Yield a request that SIGINT, SIGTERM and SIGHUP make while the block runs."""
    request = StopRequest()
    loop = asyncio.get_running_loop()
    heard = [signal.SIGINT, signal.SIGTERM]  # SIGINT even where a shell's `&` made it ignored
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it is, and shall stay so
        heard.append(signal.SIGHUP)
    for number in heard:
        loop.add_signal_handler(number, request.make)
    try:
        yield request
    finally:
        for number in heard:
            loop.remove_signal_handler(number)
