"""This host's copies of the models in the artifact store, and opening a model from its folder.

A copy appears whole or not at all, whoever else makes one at the same time. One that went bad is made anew.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from backend.core.model_shelf import ModelRecord, ModelShelf, require_same
from model_files import ModelRefused
from model_files.manifest import read_manifest
from workers.inference.openers import Opener


class LocalCopies:
    def __init__(self, folder: Path, shelf: ModelShelf) -> None:
        self._folder = folder
        self._shelf = shelf

    def open(self, record: ModelRecord, opener: Opener) -> Any:  # Any: what the opener makes
        """Return what the model's files open to; ModelRefused when they are not what its record says."""
        if record.source == "shipped":
            return _open(record, self._shelf.shipped_folder(record), opener)
        folder = self._folder / record.name / record.version
        if folder.is_dir():
            with suppress(ModelRefused):
                return _open(record, folder, opener)
        with self._alone():
            if not _is_whole(record, folder):
                self._make(record, folder)
        return _open(record, folder, opener)

    def _make(self, record: ModelRecord, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        draft = self._folder / f".{record.sha256}"
        shutil.rmtree(draft, ignore_errors=True)  # of a process that died
        draft.mkdir(mode=0o700)
        try:
            self._shelf.copy(record, draft)
            require_same(record, read_manifest(draft)).check_files(draft)
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes of this host from making copies meanwhile."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _is_whole(record: ModelRecord, folder: Path) -> bool:
    try:
        require_same(record, read_manifest(folder)).check_files(folder)
    except ModelRefused:
        return False
    return True


def _open(record: ModelRecord, folder: Path, opener: Opener) -> Any:  # Any: what the opener makes
    manifest = require_same(record, read_manifest(folder))
    try:
        return opener(folder, manifest)
    except (ModelRefused, MemoryError, OSError):
        raise
    except Exception as error:  # whatever an opener stumbles over, a model that worked shall serve
        raise ModelRefused(f"{record} cannot be opened: {type(error).__name__}: {error}") from error
