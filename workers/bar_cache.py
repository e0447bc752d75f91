"""This host's copies of stored bars: memory-mapped column files, one a series and revision.

A revision never changes, so a file is never wrong; a new revision makes the older file useless, and it is removed.
"""

from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 8_000_000_000


class BarCache:
    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get(self, series_id: int, revision: int) -> NDArray[np.int64] | None:
        """Return the columns of a revision, mapped and read-only; None when there is no copy yet."""
        try:
            columns: NDArray[np.int64] = np.load(self._path(series_id, revision), mmap_mode="r")
        except (OSError, ValueError, EOFError):  # none there, or not one of ours: it is written anew
            return None
        return columns

    def put(self, series_id: int, revision: int, columns: NDArray[np.int64]) -> None:
        """Keep a copy for this host; a full disk is no reason to fail a job."""
        draft = self._folder / f".{uuid4().hex}.npy"
        try:
            with draft.open("wb") as file:
                np.save(file, columns)
            draft.replace(self._path(series_id, revision))
            self._drop_older(series_id, revision)
            self._drop_oldest()
        except OSError:
            draft.unlink(missing_ok=True)

    def _path(self, series_id: int, revision: int) -> Path:
        return self._folder / f"{series_id}-{revision}.npy"

    def _drop_older(self, series_id: int, revision: int) -> None:
        for path in self._folder.glob(f"{series_id}-*.npy"):
            if int(path.stem.partition("-")[2]) < revision:
                path.unlink(missing_ok=True)  # whoever has it mapped keeps it until done

    def _drop_oldest(self) -> None:
        files = sorted(self._folder.glob("*-*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in files:
            total += path.stat().st_size
            if total > self._max_bytes:
                path.unlink(missing_ok=True)
