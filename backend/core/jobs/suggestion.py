"""`suggestion`: buy, sell or hold, for each of many symbols, by the models that serve now."""

from datetime import date
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import Field

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.payload import Contract, Part, Symbol
from backend.core.jobs.provenance import Provenance
from market_data.timeframe import Timeframe
from suggestion_engine.risk import Risk

Action = Literal["buy", "sell", "hold"]
Reason = Literal["edge", "no_edge", "low_confidence"]
MAX_SYMBOLS = 2_000
ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$", examples=["suggestion-lightgbm"])]


class SuggestionPayload(Contract):
    symbols: Annotated[tuple[Symbol, ...], Len(1, MAX_SYMBOLS)]
    timeframe: Timeframe = "1d"
    horizon: Annotated[
        int | None, Field(ge=1, le=250, description="In bars; what the models offer, when left out.")
    ] = None
    models: Annotated[
        tuple[ModelName, ...] | None, Len(1, 20), Field(description="Names of models; all that serve, when left out.")
    ] = None
    risk: Risk = Risk()
    end: Annotated[date | None, Field(description="As of this day, inclusive; the newest bar without it.")] = None


class ClassProbabilities(Part):
    """That the upper barrier is reached first (buy), the lower one (sell), or neither in time (hold)."""

    buy: float
    sell: float
    hold: float


class ExpectedReturn(Part):
    """From the next open over the horizon, before costs. The interval holds `coverage` of outcomes when calibrated."""

    mean_frac: float
    low_frac: float
    high_frac: float
    coverage: float


class Fact(Part):
    """Something seen beside the models' probabilities, and which way it points."""

    source: Literal["pattern", "sentiment", "regime", "model"]
    name: str
    direction: Literal["buy", "sell", "neutral"]
    detail: str


class Evidence(Part):
    """What points the way of the action, and what does not. Of a hold: what points up, and what points down."""

    agreeing: tuple[Fact, ...]
    disagreeing: tuple[Fact, ...]


class FeatureShare(Part):
    """What one feature adds to the score of buying over selling, in the units of its method."""

    feature: str
    value: float | None
    contribution: float
    text: str


class Explanation(Part):
    model: str
    method: Literal["tree_shap", "occlusion"]
    features: tuple[FeatureShare, ...]


class Drift(Part):
    """How far the newest bars are from what the models were trained on."""

    is_drifted: bool
    psi_max: float
    psi_feature: str
    dissimilarity: float
    reasons: tuple[str, ...]


class ModelUsed(Part):
    name: str
    version: str
    probabilities: ClassProbabilities
    expires_at: str
    is_expired: bool


class Suggestion(Part):
    symbol: str
    action: Action
    reason: Reason
    probabilities: ClassProbabilities
    expected_return: ExpectedReturn
    entry: float
    """The newest close: what the levels are measured from. A decision on this bar fills at the next open."""
    stop: float | None
    target: float | None
    size_frac: float
    confidence: float
    drift: Drift
    regime: str
    evidence: Evidence
    explanation: tuple[Explanation, ...]
    horizon_bars: int
    as_of: str
    data_age_s: float
    in_sample: bool
    models: tuple[ModelUsed, ...]
    warnings: tuple[str, ...] = ()


class SuggestionResult(Contract):
    suggestions: tuple[Suggestion, ...]
    failures: tuple[SymbolFailure, ...]
    provenance: Provenance
    warnings: tuple[str, ...] = ()
