"""What a server answers about jobs, batches and queues."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aitrader.client.record import Json, Record

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


class JobError(Record):
    code: str
    message: str


class JobRecord(Record):
    """A job as the server told of it last. In a list of jobs, `payload` and `result` are left out."""

    id: str
    job_type: str
    state: str
    priority: int
    attempt: int
    max_attempts: int
    progress: float
    stage: str | None = None
    counters: Mapping[str, int | float] | None = None
    summary: str | None = None
    request_id: str | None = None
    reused_from: str | None = None
    reproduces: str | None = None
    error: JobError | None = None
    created_at: datetime
    run_at: datetime
    deadline_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    schedule_id: str | None = None
    fire_at: datetime | None = None
    batch_id: str | None = None
    parent_id: str | None = None
    child_index: int | None = None
    version: int
    payload: dict[str, Any] | None = None  # Any: a JSON value
    result: dict[str, Any] | None = None  # Any: the same

    @property
    def is_finished(self) -> bool:
        return self.state in TERMINAL

    @property
    def is_whole(self) -> bool:
        """Tell whether payload and result were told, too."""
        return self.payload is not None


class AttemptError(Record):
    code: str
    message: str
    traceback: str | None = None


class Attempt(Record):
    """One run of a job by one worker."""

    attempt: int
    worker_id: str
    worker_pid: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str
    error: AttemptError | None = None


class LogLine(Record):
    """A line that a job logged. `text`: the whole of it, as a person reads it."""

    id: int
    attempt: int
    at: datetime
    level: str
    event: str
    fields: Json

    @property
    def text(self) -> str:
        told = " ".join(f"{_printable(name)}={_printable(json.dumps(value))}" for name, value in self.fields.items())
        return f"{self.at:%Y-%m-%d %H:%M:%S} #{self.attempt} {self.level:<8} {_printable(self.event)} {told}".rstrip()


class LogPage(Record):
    lines: tuple[LogLine, ...]
    next_after: int | None = None


class JobPage(Record):
    jobs: tuple[JobRecord, ...]
    next_cursor: str | None = None


class StateCounts(Record):
    """How many jobs of a batch are in each state."""

    scheduled: int = 0
    queued: int = 0
    running: int = 0
    waiting: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.cancelled


class BatchRecord(Record):
    """A batch as the server told of it last. In a list of batches, `jobs` are left out."""

    id: str
    name: str | None = None
    job_count: int
    counts: StateCounts
    created_at: datetime
    finished_at: datetime | None = None
    jobs: tuple[str, ...] | None = None


class BatchPage(Record):
    batches: tuple[BatchRecord, ...]
    next_cursor: str | None = None


class BulkResult(Record):
    """What became of the jobs that a filter matched; in a dry run they were only counted.

    `skipped` had moved on by themselves when their turn came.
    """

    matched: int
    is_dry_run: bool
    cancelled: int
    asked_to_stop: int
    queued: int
    skipped: int


class QueueRecord(Record):
    """A queue. `slots`: how many of its jobs the living workers can run at once; None when nobody knows."""

    name: str
    is_paused: bool
    is_draining: bool
    is_empty: bool
    scheduled: int
    queued: int
    running: int
    waiting: int
    oldest_age_s: float | None = None
    slots: int | None = None
    changed_by: str | None = None
    changed_at: datetime | None = None


class QueueList(Record):
    queues: tuple[QueueRecord, ...]


class AttemptList(Record):
    attempts: tuple[Attempt, ...]


def _printable(text: str) -> str:
    """Return a text that no terminal takes for a command."""
    return text if text.isprintable() else json.dumps(text).replace("\x7f", "\\u007f")
