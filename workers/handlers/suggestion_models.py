"""Which of the models that serve answer a suggestion job, and what is said of those that do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.core.jobs.outcomes import InvalidJob
from backend.core.jobs.suggestion import SuggestionPayload
from suggestion_engine.ensemble import Ensemble, reads_these_features
from suggestion_engine.member import Member
from workers.inference.serving import Serving

PREFIX = "suggestion-"


@dataclass(frozen=True)
class Chosen:
    """The models that answer, all for the same timeframe and horizon."""

    ensemble: Ensemble
    horizon_bars: int
    warnings: tuple[str, ...]


def choose(payload: SuggestionPayload, serving: Serving[Member]) -> Chosen:
    """Return the models that fit the payload; InvalidJob says what there is when none does."""
    if not serving.models:
        raise InvalidJob("no_model", "; ".join(("no suggestion model serves", *serving.warnings)))
    named = _named(payload.models, serving.models)
    readable = [member for member in named if reads_these_features(member)]
    warnings = [*serving.warnings, *(_other_features(member) for member in named if member not in readable)]
    if not readable:
        raise InvalidJob("no_model", "; ".join(("no suggestion model that serves reads today's features", *warnings)))
    fitting = _of_timeframe(payload, readable)
    horizon_bars = _horizon(payload, fitting)
    answering = [member for member in fitting if member.manifest.horizon_bars == horizon_bars]
    warnings += [
        f"{member.name} looks {member.manifest.horizon_bars} bars ahead, not {horizon_bars}: it was not asked"
        for member in fitting
        if member not in answering
    ]
    return Chosen(Ensemble(tuple(answering)), horizon_bars, tuple(warnings))


def _named(names: Sequence[str] | None, members: Sequence[Member]) -> Sequence[Member]:
    if names is None:
        return members
    wanted = {name if name.startswith(PREFIX) else PREFIX + name for name in names}
    known = {member.name for member in members}
    unknown = sorted(wanted - known)
    if unknown:
        told = f"expected models that serve ({', '.join(sorted(known))}), they were {', '.join(unknown)}"
        raise InvalidJob("unknown_model", told)
    return [member for member in members if member.name in wanted]


def _of_timeframe(payload: SuggestionPayload, members: Sequence[Member]) -> Sequence[Member]:
    fitting = [member for member in members if member.manifest.timeframe == payload.timeframe]
    if not fitting:
        there = ", ".join(sorted({str(member.manifest.timeframe) for member in members}))
        told = f"expected a timeframe that models were trained on ({there}), it was {payload.timeframe}"
        raise InvalidJob("no_model_for_timeframe", told)
    return fitting


def _horizon(payload: SuggestionPayload, members: Sequence[Member]) -> int:
    """Return the horizon that was asked for, else the one that most of the models' weight looks at."""
    weights: dict[int, float] = {}
    for member in members:
        if member.manifest.horizon_bars is not None:
            weights[member.manifest.horizon_bars] = (
                weights.get(member.manifest.horizon_bars, 0.0) + member.settings.weight
            )
    if not weights:
        raise InvalidJob("no_model_for_horizon", "no model that serves says how many bars it looks ahead")
    if payload.horizon is None:
        return min(weights, key=lambda bars: (-weights[bars], bars))
    if payload.horizon not in weights:
        there = ", ".join(str(bars) for bars in sorted(weights))
        told = f"expected a horizon that models were trained on ({there} bars), it was {payload.horizon}"
        raise InvalidJob("no_model_for_horizon", told)
    return payload.horizon


def _other_features(member: Member) -> str:
    version = member.manifest.version
    return f"{member.name} {version} was trained on other features than are computed here: it was not asked"
