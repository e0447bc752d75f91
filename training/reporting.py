"""What a run writes to its terminal: lines for a person, or one JSON object a line for the program that started it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from market_data.errors import DomainError
from training.progress import Progress


@dataclass(frozen=True)
class Reporter:
    """Writes to `out`. As JSON: {"fraction", "stage"} a step, then {"done": [manifest paths]} or {"failed": {...}}."""

    is_json: bool
    out: TextIO = field(default_factory=lambda: sys.stdout)

    @property
    def progress(self) -> Progress:
        return self._step

    def say(self, text: str) -> None:
        """Write a line for people; programs that read JSON do not see it."""
        if not self.is_json:
            self._line(text)

    def done(self, manifests: Sequence[Path], *, what: str = "wrote") -> None:
        if self.is_json:
            self._line(json.dumps({"done": [str(path) for path in manifests]}))
            return
        for path in manifests:
            self._line(f"{what} {path}")

    def skipped(self, what: str, why: str) -> None:
        """Write what an evaluation did not check."""
        if self.is_json:
            self._line(json.dumps({"skipped": {"what": what, "why": why}}))
        else:
            self._line(f"not checked: {what}, {why}")

    def failed(self, error: DomainError) -> None:
        if self.is_json:
            self._line(json.dumps({"failed": {"code": error.code, "message": str(error)}}))
        else:
            self._line(f"{error.code}: {error}")

    def stopped(self) -> None:
        if self.is_json:
            stopped = {"code": "stopped", "message": "the run was ended; finished steps stay, so it can be resumed"}
            self._line(json.dumps({"failed": stopped}))
        else:
            self._line("stopped; the same command goes on where this one ended")

    def _step(self, fraction: float, stage: str) -> None:
        if self.is_json:
            self._line(json.dumps({"fraction": round(fraction, 4), "stage": stage}))
        else:
            self._line(f"{100 * fraction:5.1f} %  {stage}")

    def _line(self, text: str) -> None:
        self.out.write(text + "\n")
        self.out.flush()
