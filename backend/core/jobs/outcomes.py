"""How a handler ends: by returning an `Outcome` or a `FanOut`, or by raising one of these.

Anything else that it raises is a bug: recorded with its traceback, and tried again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from backend.core.jobs.job import JobError
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.payload import Contract

TIME_LIMIT_CODE = "time_limit_exceeded"
TIME_LIMIT_MESSAGE = "the job ran longer than its type allows"
DEADLINE_CODE = "deadline_exceeded"
DEADLINE_MESSAGE = "the job's deadline passed before it ended"
MAX_SUMMARY_BYTES = 200
ELLIPSIS = "…"


@dataclass(frozen=True)
class Row:
    """One row that is written in the transaction that finishes the job."""

    table: str
    values: Mapping[str, Any]  # Any: a column's value, of the column's type
    or_skip: bool = False
    """Leave it out when a row with one of its unique keys is there already."""


@dataclass(frozen=True)
class Change:
    """New values of one row that exists, found by its primary key; written in the same transaction."""

    table: str
    key: Mapping[str, Any]  # Any: a column's value, of the column's type
    values: Mapping[str, Any]  # Any: the same


@dataclass(frozen=True)
class Artifact:
    """A large result: equal-length columns under their names, kept as Parquet."""

    name: str
    columns: Mapping[str, Any]  # Any: an array or a sequence; numbers, text or int64 nanoseconds, one type a column
    time_columns: frozenset[str] = frozenset()
    """Names of the columns that hold int64 nanoseconds since 1970, UTC."""


@dataclass(frozen=True)
class Page:
    """A large result to be looked at: one HTML page that loads nothing else, kept as it is."""

    name: str
    html: str


@dataclass(frozen=True)
class Outcome:
    result: Contract
    rows: Sequence[Row] = ()
    changes: Sequence[Change] = ()
    artifacts: Sequence[Artifact | Page] = field(default=())
    summary: str | None = None
    """What came of it, for a person who looks at many jobs: `12 trades, +3.4 %, Sharpe 0.8`. Cut to 200 bytes."""


def one_line(summary: str | None) -> str | None:
    """Return a summary as it is kept: one line, 200 bytes of UTF-8 at most, cut between two characters."""
    if summary is None:
        return None
    line = " ".join(summary.replace("\0", " ").split())
    content = line.encode("utf-8", "replace")
    if len(content) <= MAX_SUMMARY_BYTES:
        return content.decode() or None
    kept = content[: MAX_SUMMARY_BYTES - len(ELLIPSIS.encode())].decode(errors="ignore")
    return kept.rstrip() + ELLIPSIS


ChildFailurePolicy = Literal["fail", "degrade"]


@dataclass(frozen=True, kw_only=True)
class ChildJob:
    """A job to be started for this one's owner. What is not said, it has from its parent."""

    job_type: str
    payload: Contract
    priority: int | None = None
    max_attempts: int | None = None


@dataclass(frozen=True, kw_only=True)
class FanOut:
    """The job goes on as children, and waits for them; when none is unfinished, its type's merge step is called.

    `state` is what the merge step will be told, as JSON. `on_child_failure`: "fail" fails the job as soon as a child
    failed or was cancelled, and cancels the others; "degrade" leaves it to the merge step what the result is then.
    """

    children: Sequence[ChildJob]
    state: Contract | Mapping[str, Any] = field(default_factory=dict)  # Any: a JSON value
    on_child_failure: ChildFailurePolicy = "fail"


@dataclass(frozen=True)
class EndedChild:
    """What became of a child. `index`: its place in the `FanOut`."""

    index: int
    job_type: str
    state: JobState
    result: Mapping[str, Any] | None  # Any: JSON, in the shape of the type's result model
    error: JobError | None


class InvalidJob(Exception):
    """The job can never succeed: it is failed and not tried again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TryLater(Exception):
    """Something outside is not there now: try again after `after_s` seconds, if an attempt is left."""

    def __init__(self, code: str, message: str, after_s: float) -> None:
        super().__init__(message)
        self.code = code
        self.after_s = after_s


class Cancelled(Exception):
    """The owner asked to cancel, and the handler noticed."""


class GivenBack(Exception):
    """The worker is stopping: somebody else shall run this job, and the attempt does not count."""


class LeaseLost(Exception):
    """Somebody else finished, cancelled or took over this job; their word stands and ours is dropped."""
