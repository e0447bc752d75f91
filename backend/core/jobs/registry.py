"""The one list of job types. Routes, queues, OpenAPI, limits and the catalogue derive from it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Literal

from backend.core.jobs.backtest import BacktestPayload, BacktestResult
from backend.core.jobs.model_training import ModelTrainingPayload, ModelTrainingResult
from backend.core.jobs.pattern_scan import PatternScanPayload, PatternScanResult
from backend.core.jobs.payload import Contract
from backend.core.jobs.probe import ProbePayload, ProbeResult
from backend.core.jobs.sentiment_analysis import SentimentPayload, SentimentResult
from backend.core.jobs.signal_outcomes import SignalOutcomesPayload, SignalOutcomesResult
from backend.core.jobs.suggestion import SuggestionPayload, SuggestionResult
from pattern_engine import ENGINE_VERSION as PATTERNS_VERSION
from strategy_engine import ENGINE_VERSION as STRATEGIES_VERSION

Role = Literal["free", "premium", "admin"]
EVERYONE: frozenset[Role] = frozenset({"free", "premium", "admin"})
ADMINS: frozenset[Role] = frozenset({"admin"})


def _never(_: Any) -> bool:  # Any: a payload of any type
    return False


@dataclass(frozen=True)
class ReuseTerms:
    """For types whose result is a function of the payload and of the bars that its provenance names, and nothing else.

    What depends on the time of day, on models that may be promoted, on news, or on what it did before, has none.
    """

    engine_version: str
    end: Callable[[Any], date | None]  # Any: the type's own payload model
    """The last day of bars that a payload asks for; None: the newest there are."""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """All that is particular to one job type."""

    job_type: str
    title: str
    payload: type[Contract]
    result: type[Contract]
    queue: str
    soft_limit_s: float
    """After so long `check_cancelled` ends the attempt."""
    hard_limit_s: float
    """After so long the process that runs it is ended."""
    max_attempts: int = 3
    retry_base_s: float = 1.0
    """The wait before the second attempt; it doubles with each further one."""
    roles: frozenset[Role] = EVERYONE
    reuse: ReuseTerms | None = None
    """When an earlier result may answer a new job; None: never."""
    is_short: Callable[[Any], bool] = _never  # Any: the type's own payload model
    """Whether a job is over in milliseconds, whatever happens: several such are claimed and finished together."""
    is_reproducible: bool = False
    """Whether its record can be run again, and compared: the result has a field `reproduction`."""
    hints: frozenset[str] = frozenset()
    """Fields of the payload that say how the work is done, and not what comes of it."""

    def payload_hash(self, payload: Mapping[str, Any]) -> str:  # Any: JSON, as it is stored
        """Return what tells one piece of work from another, whichever way it is done."""
        told = {name: value for name, value in payload.items() if name not in self.hints}
        canonical = json.dumps(told, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(f"{self.job_type}\n{canonical}".encode()).hexdigest()


JOB_TYPES: Mapping[str, JobSpec] = MappingProxyType(
    {
        spec.job_type: spec
        for spec in (
            JobSpec(
                job_type="backtest",
                title="Run one strategy over history",
                payload=BacktestPayload,
                result=BacktestResult,
                queue="backtest",
                soft_limit_s=600,
                hard_limit_s=660,
                reuse=ReuseTerms(STRATEGIES_VERSION, lambda payload: payload.end),
                is_reproducible=True,
            ),
            JobSpec(
                job_type="pattern_scan",
                title="Find candlestick patterns in many symbols",
                payload=PatternScanPayload,
                result=PatternScanResult,
                queue="pattern_scan",
                soft_limit_s=600,
                hard_limit_s=660,
                reuse=ReuseTerms(PATTERNS_VERSION, lambda payload: payload.end),
                hints=frozenset({"parallel"}),
            ),
            JobSpec(
                job_type="suggestion",
                title="Suggest buy, sell or hold for many symbols",
                payload=SuggestionPayload,
                result=SuggestionResult,
                queue="suggestion",
                soft_limit_s=300,
                hard_limit_s=360,
            ),
            JobSpec(
                job_type="sentiment_analysis",
                title="Score the mood of texts and of news about symbols",
                payload=SentimentPayload,
                result=SentimentResult,
                queue="sentiment_analysis",
                soft_limit_s=300,
                hard_limit_s=360,
                is_short=lambda payload: payload.has_few_texts_only,
            ),
            JobSpec(
                job_type="signal_outcomes",
                title="Score past suggestions against what happened",
                payload=SignalOutcomesPayload,
                result=SignalOutcomesResult,
                queue="signal_outcomes",
                soft_limit_s=1_800,
                hard_limit_s=1_860,
                roles=ADMINS,
            ),
            JobSpec(
                job_type="model_training",
                title="Train suggestion models on stored bars",
                payload=ModelTrainingPayload,
                result=ModelTrainingResult,
                queue="model_training",
                soft_limit_s=43_200,
                hard_limit_s=43_500,
                max_attempts=2,
                roles=ADMINS,
            ),
            JobSpec(
                job_type="probe",
                title="Do as told, to check a deployment",
                payload=ProbePayload,
                result=ProbeResult,
                queue="probe",
                soft_limit_s=3_700,
                hard_limit_s=3_760,
                roles=ADMINS,
                is_short=lambda payload: payload.is_idle,
            ),
        )
    }
)
QUEUES: tuple[str, ...] = tuple(sorted({spec.queue for spec in JOB_TYPES.values()}))
