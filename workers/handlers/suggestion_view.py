"""What the engine found out about one symbol, in the words of the job's result and of the table of signals."""

from datetime import UTC, date, datetime
from typing import Any

from backend.core.ids import new_id
from backend.core.jobs.outcomes import Row
from backend.core.jobs.suggestion import (
    ClassProbabilities,
    Drift,
    Evidence,
    ExpectedReturn,
    Explanation,
    Fact,
    FeatureShare,
    ModelUsed,
    Suggestion,
)
from market_data.timeframe import Timeframe
from suggestion_engine import evidence, explain
from suggestion_engine.drift import DriftReport
from suggestion_engine.member import Member
from suggestion_engine.plan import COVERAGE, Expected, Probabilities


def probabilities_view(p: Probabilities) -> ClassProbabilities:
    return ClassProbabilities(buy=p.buy, sell=p.sell, hold=p.hold)


def expected_view(expected: Expected) -> ExpectedReturn:
    return ExpectedReturn(
        mean_frac=expected.mean_frac, low_frac=expected.low_frac, high_frac=expected.high_frac, coverage=COVERAGE
    )


def drift_view(report: DriftReport) -> Drift:
    return Drift(
        is_drifted=report.is_drifted,
        psi_max=report.psi_max,
        psi_feature=report.psi_feature,
        dissimilarity=report.dissimilarity,
        reasons=report.reasons,
    )


def evidence_view(found: evidence.Evidence) -> Evidence:
    return Evidence(
        agreeing=tuple(Fact(**vars(fact)) for fact in found.agreeing),
        disagreeing=tuple(Fact(**vars(fact)) for fact in found.disagreeing),
    )


def explanation_view(found: explain.Explanation) -> Explanation:
    shares = tuple(FeatureShare(**vars(share)) for share in found.features)
    return Explanation(model=found.model, method=found.method, features=shares)


def model_view(member: Member, p: Probabilities, *, today: date) -> ModelUsed:
    return ModelUsed(
        name=member.name,
        version=member.manifest.version,
        probabilities=probabilities_view(p),
        expires_at=member.manifest.expires_at.isoformat(),
        is_expired=member.manifest.is_expired(today),
    )


def signal_row(suggestion: Suggestion, timeframe: Timeframe) -> Row:
    """Return the signal that is stored and announced, and scored once its horizon is over."""
    values: dict[str, Any] = {  # Any: column values
        "id": new_id(),
        "symbol": suggestion.symbol,
        "timeframe": timeframe,
        "action": suggestion.action,
        "reason": suggestion.reason,
        "p_buy": suggestion.probabilities.buy,
        "p_hold": suggestion.probabilities.hold,
        "p_sell": suggestion.probabilities.sell,
        "expected_return_frac": suggestion.expected_return.mean_frac,
        "entry": suggestion.entry,
        "stop": suggestion.stop,
        "target": suggestion.target,
        "size_frac": suggestion.size_frac,
        "confidence": suggestion.confidence,
        "horizon_bars": suggestion.horizon_bars,
        "as_of": datetime.fromisoformat(suggestion.as_of).astimezone(UTC),
        "is_in_sample": suggestion.in_sample,
        "models": {model.name: model.version for model in suggestion.models},
    }
    return Row("signals", values)
