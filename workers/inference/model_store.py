"""Opens the champions, once a process; looks at each job whether others serve now.

What is opened stays in memory, so files that change on disk change nothing until a process opens them anew. A
champion whose files are refused is stood in for by the version that served before, and the result says so. What was
refused is not read again until its files change.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from backend.core.db import models as sql
from backend.core.logging import get_logger
from backend.core.model_shelf import SHIPPED, ModelRecord, ModelShelf
from backend.settings import Settings
from model_files import Manifest, ModelRefused, Task
from workers.inference.local_copies import LocalCopies
from workers.inference.openers import OPENERS, Opener
from workers.inference.serving import Serving

TASK_OF_QUEUE: Mapping[str, Task] = {"suggestion": "suggestion", "sentiment_analysis": "sentiment"}
"""Which models the jobs of a queue need."""

log = get_logger(__name__)


class ModelStore:
    """One process's models. `openers` make of a model's folder what its task scores with."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        openers: Mapping[Task, Opener] = OPENERS,
        *,
        shipped: Path = SHIPPED,
    ) -> None:
        self._engine = engine
        self._openers = openers
        self._shelf = ModelShelf(settings.artifacts, shipped=shipped)
        self._copies = LocalCopies(settings.data_dir / "cache" / "models", self._shelf)
        # By process, too: a session from before a fork is never run, nor closed, on the other side of it.
        self._opened: dict[tuple[int, Task, str], Any] = {}  # Any: what the task's opener makes
        self._refused: dict[str, _Refusal] = {}

    def suggestion(self) -> Serving[Any]:  # Any: a Member; its module is loaded when one is opened
        """Return the champions that suggest, by name."""
        return self._serving("suggestion")

    def sentiment(self) -> Serving[Any]:  # Any: a SentimentModel; the same
        """Return the champions that read texts, by name."""
        return self._serving("sentiment")

    def keep(self, folder: Path, manifest: Manifest) -> None:
        """Put a trained model where every host finds it; keeping the same one again changes nothing."""
        self._shelf.keep(folder, manifest)

    def warm(self, tasks: Sequence[Task]) -> None:
        """Open what serves before the first job asks; what cannot be had yet is left to that job."""
        for task in tasks:
            try:
                self._serving(task)
            except (SQLAlchemyError, OSError) as error:
                log.warning("models_not_warmed", task=task, error=type(error).__name__)

    def _serving(self, task: Task) -> Serving[Any]:
        warnings: list[str] = []
        found: dict[str, Any] = {}
        for name, versions in groupby(self._versions(task), key=lambda version: version.name):
            first = self._first_that_opens(task, name, list(versions), warnings)
            found |= {} if first is None else dict([first])
        self._drop_others(task, found.keys())
        return Serving(tuple(found.values()), tuple(warnings))

    def _versions(self, task: Task) -> Iterator[ModelRecord]:
        """Yield each champion of the task, followed by those that may stand in for it."""
        with self._engine.connect() as connection:
            rows = connection.execute(sql.serving_models(task)).mappings().all()
        return map(ModelRecord.of, rows)

    def _first_that_opens(
        self, task: Task, name: str, versions: Sequence[ModelRecord], warnings: list[str]
    ) -> tuple[str, Any] | None:
        """Return the hash of the first version that is not refused, and what it opened to."""
        refusals: list[str] = []
        for record in versions:
            try:
                opened = self._open(task, record)
            except ModelRefused as error:
                refusals.append(f"refused: {error}")
            except OSError as error:
                log.warning("model_not_reached", model=str(record), error=str(error))
                refusals.append(f"{record} cannot be reached: {type(error).__name__}")
            else:
                warnings += [f"{refusal}; {record} serves instead" for refusal in refusals[:1]]
                return record.sha256, opened
        warnings.append(f"{refusals[0]}; no other version of {name} can serve")
        return None

    def _open(self, task: Task, record: ModelRecord) -> Any:
        key = (os.getpid(), task, record.sha256)
        if key not in self._opened:
            self._refuse_again(record)
            try:
                self._opened[key] = self._copies.open(record, self._openers[task])
            except ModelRefused:
                self._opened[key] = self._open_once_more(task, record)
            log.info("model_opened", model=str(record))
        return self._opened[key]

    def _open_once_more(self, task: Task, record: ModelRecord) -> Any:
        """Try again, now that the state of the files is known which a second refusal is about."""
        state = self._shelf.state(record)
        try:
            return self._copies.open(record, self._openers[task])
        except ModelRefused as error:
            log.warning("model_refused", model=str(record), error=str(error))
            self._refused[record.sha256] = _Refusal(state, str(error))
            raise

    def _refuse_again(self, record: ModelRecord) -> None:
        refusal = self._refused.get(record.sha256)
        if refusal is not None and refusal.state == self._shelf.state(record):
            raise ModelRefused(refusal.reason)

    def _drop_others(self, task: Task, serving: Collection[str]) -> None:
        mine = [key for key in self._opened if key[:2] == (os.getpid(), task)]
        for key in mine:
            if key[2] not in serving:
                del self._opened[key]


@dataclass(frozen=True)
class _Refusal:
    """Why a model was refused, and how its files were then."""

    state: str
    reason: str
