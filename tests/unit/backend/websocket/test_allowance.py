"""The token bucket of a connection, on a clock of its own."""

import asyncio

import pytest

from backend.websocket.allowance import Allowance


class Clock(asyncio.SelectorEventLoop):
    now = 100.0

    def time(self) -> float:
        return self.now


def test_a_burst_is_twice_the_rate_and_time_gives_more() -> None:
    loop = Clock()

    async def talk() -> None:
        allowance = Allowance(rate=5)
        assert [allowance.take() for _ in range(11)] == [True] * 10 + [False]
        loop.now += 0.4  # two more, one of which pays for the one too many
        assert [allowance.take() for _ in range(2)] == [True, False]
        loop.now += 1_000
        assert sum(allowance.take() for _ in range(30)) == 10

    try:
        loop.run_until_complete(talk())
    finally:
        loop.close()


@pytest.mark.parametrize("rate", [0.5, 1.0, 1_000.0])
def test_whoever_stays_below_the_rate_is_never_refused(rate: float) -> None:
    loop = Clock()

    async def talk() -> None:
        allowance = Allowance(rate)
        for _ in range(100):
            loop.now += 1.01 / rate
            assert allowance.take()

    try:
        loop.run_until_complete(talk())
    finally:
        loop.close()
