"""What a check found, and what to do about it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from aitrader.client.installation import find_url
from aitrader.errors import AitraderError
from aitrader.health import Health, read_health
from aitrader.stack.data_dir import DataDir
from aitrader.stack.state import StackState, read_state
from backend.settings import Settings

Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """`timings_ms`: how long each step took, where steps were timed."""

    outcome: Outcome
    detail: str
    advice: str | None = None
    timings_ms: Mapping[str, float] = field(default_factory=dict)


def ok(detail: str, timings_ms: Mapping[str, float] | None = None) -> Finding:
    return Finding("ok", detail, timings_ms=timings_ms or {})


def failed(detail: str, advice: str) -> Finding:
    return Finding("failed", detail, advice)


def skipped(detail: str) -> Finding:
    return Finding("skipped", detail)


class Patient:
    """The installation under examination; what several checks need is asked once."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = DataDir(data_dir)
        self.stack: StackState | None = read_state(data_dir)
        self.url: str | None = None
        self.why_no_url = ""
        try:
            self.url = find_url()
        except AitraderError as error:
            self.why_no_url = str(error)

    @property
    def is_elsewhere(self) -> bool:
        """Tell whether another installation than the local stack was named."""
        return self.url is not None and (self.stack is None or self.stack.url != self.url)

    @cached_property
    def settings(self) -> Settings:
        return Settings()

    @cached_property
    def health(self) -> Health | None:
        return None if self.url is None else read_health(self.url)


Look = Callable[[Patient], Finding]


def checked_settings(look: Look) -> Look:
    """Return the check, with wrong settings as one of its failures."""

    def look_safely(patient: Patient) -> Finding:
        try:
            return look(patient)
        except ValidationError as error:
            wrong = "; ".join(f"{at['loc'][0]}: {at['msg']}" for at in error.errors(include_input=False))
            return failed(f"a setting in the environment is wrong: {wrong}", "correct that variable")

    return look_safely


def ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)
