"""What a server answers about bars, models, signals, and what it can be asked for."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from aitrader.client.record import Json, Record


class Series(Record):
    """Stored bars of one symbol and timeframe. `source`: a provider's name, or `import`."""

    symbol: str
    timeframe: str
    source: str
    revision: int
    bar_count: int
    first_bar: datetime | None = None
    last_bar: datetime | None = None
    is_shared: bool


class SeriesPage(Record):
    symbols: tuple[Series, ...]
    next_after: str | None = None


class BarPage(Record):
    bars: tuple[Json, ...]
    next_start: str | None = None


class Imported(Record):
    imported: tuple[Series, ...]


class ModelRecord(Record):
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


class ModelList(Record):
    models: tuple[ModelRecord, ...]


class Signal(Record):
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


class SignalPage(Record):
    signals: tuple[Signal, ...]
    next_cursor: str | None = None


class SignalPerformance(Record):
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


class PerformanceList(Record):
    performance: tuple[SignalPerformance, ...]


class JobTypeEntry(Record):
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


class StrategyEntry(Record):
    """A strategy, and the JSON Schema of its parameters."""

    kind: str
    description: str | None = None
    parameters_schema: Annotated[Json, Field(alias="schema")]


class PatternEntry(Record):
    name: str
    title: str
    direction: str
    description: str


class Catalogue(Record):
    """What can be asked of the server."""

    job_types: tuple[JobTypeEntry, ...]
    strategies: tuple[StrategyEntry, ...]
    patterns: tuple[PatternEntry, ...]
