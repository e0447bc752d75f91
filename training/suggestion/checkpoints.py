"""Finished steps on disk, so that a run that was interrupted goes on where it stopped and ends with the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkpoints:
    """A folder of steps; another key is another folder, so a step of other options or data is never taken."""

    folder: Path

    @classmethod
    def under(cls, work: Path, key: dict[str, object]) -> Checkpoints:
        """Return the checkpoints of a run that `key` (JSON) decides, made if missing."""
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        folder = work / f"suggestion-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder)

    def step(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return what `make` once gave under this name, making it now if it is not there."""
        path = self.folder / name
        if path.is_file():
            return path.read_bytes()
        content = make()
        # Whole or not at all: a run may be ended at any moment.
        unfinished = path.with_suffix(path.suffix + ".part")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        return content
