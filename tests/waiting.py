"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], *, timeout_s: float = 20.0, what: str = "it") -> Found:
    """Return the first true thing that `look` returns; fail when there was none in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {timeout_s} s; last seen: {found!r}")
        time.sleep(0.02)
