"""What a server answers, typed. Fields that a newer server adds are ignored."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aitrader.errors import ServerError

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
Json = Mapping[str, Any]  # Any: a JSON value


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def of(cls, told: Json) -> Self:
        """Return the record that a server told of."""
        try:
            return cls.model_validate(told)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ServerError(f"expected a {cls.__name__} as this client knows it; {where}: {first['msg']}") from error


class JobError(_Record):
    code: str
    message: str


class JobRecord(_Record):
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


class AttemptError(_Record):
    code: str
    message: str
    traceback: str | None = None


class Attempt(_Record):
    """One run of a job by one worker."""

    attempt: int
    worker_id: str
    worker_pid: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str
    error: AttemptError | None = None


class LogLine(_Record):
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


class LogPage(_Record):
    lines: tuple[LogLine, ...]
    next_after: int | None = None


class Series(_Record):
    """Stored bars of one symbol and timeframe. `source`: a provider's name, or `import`."""

    symbol: str
    timeframe: str
    source: str
    revision: int
    bar_count: int
    first_bar: datetime | None = None
    last_bar: datetime | None = None
    is_shared: bool


class JobPage(_Record):
    jobs: tuple[JobRecord, ...]
    next_cursor: str | None = None


class StateCounts(_Record):
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


class BatchRecord(_Record):
    """A batch as the server told of it last. In a list of batches, `jobs` are left out."""

    id: str
    name: str | None = None
    job_count: int
    counts: StateCounts
    created_at: datetime
    finished_at: datetime | None = None
    jobs: tuple[str, ...] | None = None


class BatchPage(_Record):
    batches: tuple[BatchRecord, ...]
    next_cursor: str | None = None


class BulkResult(_Record):
    """What became of the jobs that a filter matched; in a dry run they were only counted.

    `skipped` had moved on by themselves when their turn came.
    """

    matched: int
    is_dry_run: bool
    cancelled: int
    asked_to_stop: int
    queued: int
    skipped: int


class QueueRecord(_Record):
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


class QueueList(_Record):
    queues: tuple[QueueRecord, ...]


class AttemptList(_Record):
    attempts: tuple[Attempt, ...]


class SeriesPage(_Record):
    symbols: tuple[Series, ...]
    next_after: str | None = None


class BarPage(_Record):
    bars: tuple[Json, ...]
    next_start: str | None = None


class Imported(_Record):
    imported: tuple[Series, ...]


class ModelRecord(_Record):
    """A version of a model: whether it serves, what it was trained on, how well it did. `stage`: champions serve."""

    name: str
    version: str
    task: str
    stage: str
    source: str
    sha256: str
    trained_from: date
    trained_to: date
    expires_at: date
    is_expired: bool
    feature_set: str | None = None
    timeframe: str | None = None
    horizon_bars: int | None = None
    metrics: Json
    created_at: datetime
    promoted_at: datetime | None = None
    retired_at: datetime | None = None


class ModelDetail(ModelRecord):
    """The same, with its whole manifest, and its card as Markdown."""

    manifest: Json
    card: str


class ModelList(_Record):
    models: tuple[ModelRecord, ...]


class Signal(_Record):
    """A suggestion that was given. `outcome`: target, stop or timeout once scored; its return is before costs."""

    id: str
    job_id: str | None = None
    symbol: str
    timeframe: str
    action: str
    reason: str
    p_buy: float
    p_hold: float
    p_sell: float
    expected_return_frac: float
    entry: float
    stop: float | None = None
    target: float | None = None
    size_frac: float
    confidence: float
    horizon_bars: int
    as_of: datetime
    is_in_sample: bool
    models: Mapping[str, str]
    created_at: datetime
    outcome: str | None = None
    outcome_return_frac: float | None = None
    exit_price: float | None = None
    exit_at: datetime | None = None
    scored_at: datetime | None = None


class SignalPage(_Record):
    signals: tuple[Signal, ...]
    next_cursor: str | None = None


class SignalPerformance(_Record):
    """How the signals of one action fared that the same models gave; None where none of them is scored yet."""

    action: str
    models: Mapping[str, str]
    is_in_sample: bool
    is_look_back: bool = False
    signal_count: int
    scored_count: int
    hit_rate: float | None = None
    mean_probability: float | None = None
    brier: float | None = None
    mean_expected_return_frac: float | None = None
    mean_return_frac: float | None = None
    mean_return_after_cost_frac: float | None = None


class PerformanceList(_Record):
    performance: tuple[SignalPerformance, ...]


class JobTypeEntry(_Record):
    """A type of job: what it takes and gives (JSON Schemas), and its limits."""

    job_type: str
    title: str
    queue: str
    roles: tuple[str, ...]
    max_attempts: int
    soft_limit_s: float
    hard_limit_s: float
    payload_schema: Json
    result_schema: Json


class StrategyEntry(_Record):
    """A strategy, and the JSON Schema of its parameters."""

    kind: str
    description: str | None = None
    parameters_schema: Annotated[Json, Field(alias="schema")]


class PatternEntry(_Record):
    name: str
    title: str
    direction: str
    description: str


class Catalogue(_Record):
    """What can be asked of the server."""

    job_types: tuple[JobTypeEntry, ...]
    strategies: tuple[StrategyEntry, ...]
    patterns: tuple[PatternEntry, ...]


def _printable(text: str) -> str:
    """Return a text that no terminal takes for a command."""
    return text if text.isprintable() else json.dumps(text).replace("\x7f", "\\u007f")
