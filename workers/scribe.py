"""Writes down what an attempt says while it runs: its lines, its progress. Fenced by its lease, cheap, and bounded.

A job that says nothing costs nothing: no statement, no thread. What is said is written some moments later by a thread
of this process, and the rest before the attempt ends; a killed process loses what it said in that moment at most.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from backend.core import logging as logs
from backend.core.db import statements
from backend.core.db.job_logs import ADD_LINES
from backend.core.jobs.job import JobSummary, summary_of
from backend.core.jobs.outcomes import LeaseLost
from backend.core.logging import get_logger
from workers.job_log import JobLog

PROGRESS_EVERY_S = 0.25
STORE_EVERY_S = 0.5
FINISH_WITHIN_S = 5.0
FINISH_AGAIN_S = 0.5
MAX_COUNTERS = 32

log = get_logger(__name__)


@dataclass(frozen=True)
class Progress:
    fraction: float
    stage: str | None
    counters: Mapping[str, float] | None


class Scribe:
    """One process's way of writing down; it follows one attempt after the other."""

    def __init__(self, engine: Engine, tell: Callable[[JobSummary], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._notes: Notes | None = None
        self._has_work = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def following(self, job_id: UUID, token: UUID) -> Iterator["Notes"]:
        """Follow one attempt to the end of the block."""
        notes = self._notes = Notes(self._engine, job_id, token, self._tell, self._wake)
        logs.listen(notes.hear)
        try:
            yield notes
        finally:
            logs.listen(None)
            self._notes = None
            notes.finish()

    def _wake(self) -> None:
        self._has_work.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_now_and_then, name="scribe", daemon=True)
            self._thread.start()

    def _write_now_and_then(self) -> None:
        while True:
            self._has_work.wait()
            self._has_work.clear()
            time.sleep(PROGRESS_EVERY_S)
            notes = self._notes
            if notes is not None and not notes.write_due():
                self._has_work.set()


class Notes:
    """What one attempt has said, and what of it is written."""

    def __init__(
        self, engine: Engine, job_id: UUID, token: UUID, tell: Callable[[JobSummary], None], wake: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._job_id = job_id
        self._token = token
        self._tell = tell
        self._wake = wake
        self._log = JobLog()
        self._writing = threading.Lock()
        self._progress: Progress | None = None
        self._newest: Progress | None = None
        self._counters: dict[str, float] = {}
        self._progress_at = 0.0
        self._stored_at = time.monotonic()

    def hear(self, line: Mapping[str, Any]) -> None:  # Any: whatever somebody logged
        """Take note of a line of the process's log."""
        if self._log.add(line):
            self._wake()

    def report(self, fraction: float, stage: str | None, counters: Mapping[str, float]) -> None:
        """Take note of progress; it is written at most four times a second, and the newest is never lost.

        Raises LeaseLost when the job is somebody else's by now.
        """
        self._counters |= counters
        if len(self._counters) > MAX_COUNTERS:
            raise ValueError(f"a job has {MAX_COUNTERS} counters at most, it was {len(self._counters)}")
        self._progress = self._newest = Progress(fraction, stage, dict(self._counters) or None)
        if time.monotonic() - self._progress_at < PROGRESS_EVERY_S:
            self._wake()
            return
        try:
            self._write_progress()
        except SQLAlchemyError as error:
            log.warning("progress_not_written", error=type(error).__name__)
            self._wake()

    @property
    def said(self) -> Mapping[str, Any]:  # Any: fields of a job
        """Return what the handler said last of how the job is."""
        if self._newest is None:
            return {}
        return {"progress": self._newest.fraction, "stage": self._newest.stage, "counters": self._newest.counters}

    def finish(self) -> None:
        """Write what still waits; while the database is away, try again for a moment: no record can be made either."""
        give_up_at = time.monotonic() + FINISH_WITHIN_S
        while not self._write_rest() and time.monotonic() < give_up_at:
            time.sleep(FINISH_AGAIN_S)

    def store_lines(self) -> None:
        """Store the lines that wait. What cannot be stored now waits on; what is not ours to store is dropped."""
        if self._log.is_empty:
            return
        with self._writing:
            taken = self._log.take()
            values = {"job_id": self._job_id, "token": self._token, "lines": taken.as_json()}
            try:
                with self._engine.begin() as connection:
                    connection.execute(ADD_LINES, values)
            except SQLAlchemyError as error:
                self._log.put_back(taken)
                log.warning("job_log_not_stored", error=type(error).__name__)
            self._stored_at = time.monotonic()

    def write_due(self) -> bool:
        """Write what is due; tell whether nothing waits any more."""
        now = time.monotonic()
        if now - self._progress_at >= PROGRESS_EVERY_S:
            self._write_progress_safely()
        if now - self._stored_at >= STORE_EVERY_S:
            self.store_lines()
        return self._progress is None and self._log.is_empty

    def _write_rest(self) -> bool:
        self._write_progress_safely()
        self.store_lines()
        return self._progress is None and self._log.is_empty

    def _write_progress_safely(self) -> None:
        try:
            self._write_progress()
        except LeaseLost:
            self._progress = None  # the handler finds out by itself, at its next check
        except SQLAlchemyError as error:
            log.warning("progress_not_written", error=type(error).__name__)

    def _write_progress(self) -> None:
        with self._writing:
            newest = self._progress
            if newest is None:
                return
            self._progress_at = time.monotonic()
            statement = statements.report_progress(
                self._job_id, self._token, newest.fraction, newest.stage, newest.counters
            )
            with self._engine.begin() as connection:
                row = connection.execute(statement).mappings().one_or_none()
            if self._progress is newest:
                self._progress = None
        if row is None:
            raise LeaseLost
        self._tell(summary_of(row))
