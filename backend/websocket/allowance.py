"""How many messages a second a client may send."""

import asyncio


class Allowance:
    """A token bucket: `rate` messages a second, twice as many in a burst."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = 2 * rate
        self._at = asyncio.get_running_loop().time()

    def take(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._left = min(2 * self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        self._left -= 1
        return self._left >= 0
