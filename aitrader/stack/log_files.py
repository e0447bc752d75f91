"""Component logs: files of bounded size, and the last lines in memory for error messages."""

from collections import deque
from io import FileIO
from pathlib import Path

MAX_BYTES = 10_000_000
KEPT_FILES = 3
TAIL_LINES = 20


class LogFile:
    """One component's log; older parts are kept beside it as NAME.1, NAME.2, ..."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept_files: int = KEPT_FILES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._kept_files = kept_files
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._lost_lines = 0
        self._file, self._size = _open(path)

    def write(self, line: bytes) -> None:
        """Append a line; a full disk loses lines (and says how many), never the component."""
        self._tail.append(line.decode(errors="replace"))
        try:
            if self._lost_lines > 0:
                self._append(b"(%d lines lost: the log could not be written)" % self._lost_lines)
                self._lost_lines = 0
            self._append(line)
        except OSError:
            self._lost_lines += 1

    def tail(self) -> tuple[str, ...]:
        """Return the last lines written since this object was made, oldest first."""
        return tuple(self._tail)

    def close(self) -> None:
        self._file.close()

    def _append(self, line: bytes) -> None:
        if self._size > 0 and self._size + len(line) + 1 > self._max_bytes:
            self._rotate()
        self._size += self._file.write(line + b"\n")

    def _rotate(self) -> None:
        for number in range(self._kept_files - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))
        full = self._file  # closed only when its successor is open: a failure in between leaves a file to write to
        self._file, self._size = _open(self.path)
        full.close()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _open(path: Path) -> tuple[FileIO, int]:
    path.touch(mode=0o600)
    file = path.open("ab", buffering=0)
    return file, file.tell()
