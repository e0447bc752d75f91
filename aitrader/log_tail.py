"""The logs of a stack's components: their last lines, and new ones as they are written."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class LogLine:
    component: str
    text: str


@dataclass
class LogTail:
    """Reads one component's log on and on, also when it is moved aside and begun anew."""

    path: Path
    _file: BinaryIO | None = None
    _partial: bytes = field(default=b"", repr=False)

    @property
    def component(self) -> str:
        return self.path.stem

    def read(self) -> list[LogLine]:
        """Return the complete lines that were not read yet."""
        lines: list[LogLine] = []
        if self._file is None:
            self._open()
        if self._file is not None:
            lines += self._rest_of(self._file)
            if self._was_moved(self._file):
                lines += self._rest_of(self._file)  # written between our reading and its being moved
                self._open()
                lines += [] if self._file is None else self._rest_of(self._file)
        return lines

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        self.close()
        try:
            self._file = self.path.open("rb")
        except FileNotFoundError:  # just moved aside; its successor is on the way
            return

    def _rest_of(self, file: BinaryIO) -> list[LogLine]:
        *complete, self._partial = (self._partial + file.read()).split(b"\n")
        return [LogLine(self.component, line.decode(errors="replace")) for line in complete]

    def _was_moved(self, file: BinaryIO) -> bool:
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            return True


def component_names(logs: Path) -> list[str]:
    """Return the components that have a log."""
    return sorted(path.stem for path in logs.glob("*.log"))


def open_tails(logs: Path, names: list[str]) -> list[LogTail]:
    return [LogTail(logs / f"{name}.log") for name in names]


def new_lines(tails: list[LogTail]) -> Iterator[LogLine]:
    """Yield lines as they are written, for ever."""
    while True:
        found = [line for tail in tails for line in tail.read()]
        yield from found
        if not found:
            time.sleep(LOOK_EVERY_S)
