"""What the supervisor runs: programs that end, and components that stay up."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aitrader.stack.privileges import RunMode

# Answers None when the component is ready, else what is still missing, for the error message.
Readiness = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, kw_only=True)
class Program:
    """One command, without any secret in it, and where and as whom it runs."""

    name: str
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: Path
    run_mode: RunMode = RunMode.DIRECT


@dataclass(frozen=True, kw_only=True)
class Component:
    """A program that is kept up, and how to tell that it serves."""

    program: Program
    readiness: Readiness
    ready_timeout_s: float = 60.0
    start_attempts: int = 1
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_s: float = 10.0

    @property
    def name(self) -> str:
        return self.program.name
