"""A handler's context by hand: what a test does not give must not be asked for."""

import math
import time
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from backend.core.logging import get_logger
from workers.context import Context

LONG_S = 600.0


class Unwatched:
    """The monitor of a job that nobody looks at."""

    def is_cancel_wanted(self) -> bool:
        return False

    def report(self, fraction: float, stage: str | None, counters: Mapping[str, float]) -> None: ...


class NotGiven:
    """Stands for a part of the context that this test's handler has no business with."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the handler asked for {self._part}.{name}, which the test does not give")

    def __call__(self, *_: object) -> Any:
        raise AssertionError(f"the handler called {self._part}, which the test does not give")


def make_context(**parts: Any) -> Context:
    """Return the context of a first attempt that nobody cancels, with these parts."""
    usual: dict[str, Any] = {
        "attempt": 1,
        "hash_payload": lambda: "0" * 64,
        "ends_by": time.monotonic() + LONG_S,
        "monitor": Unwatched(),
        "is_stopping": lambda: False,
        "expires_by": math.inf,
        "log": get_logger("aitrader.job"),
    }
    absent = {field.name: NotGiven(field.name) for field in fields(Context) if not field.name.startswith("_")}
    return Context(**(absent | usual | parts))
