"""`suggestion`: what to do about each of many symbols. One bad symbol never sinks the rest.

1. The models that serve are chosen: those that fit the payload's names, timeframe and horizon.
2. Each symbol's bars are loaded, and all their newest rows of features computed; what cannot be had is a failure.
3. Every model is asked once, for all symbols together.
4. Each symbol gets its plan, its drift report, its evidence; some get an explanation, which is the slow part.

A bar that is still forming is left out: the models have only seen closed ones.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.outcomes import Outcome
from backend.core.jobs.suggestion import Action, Explanation, ModelUsed, Suggestion, SuggestionPayload, SuggestionResult
from market_data.errors import DomainError
from model_files import ModelRefused
from pattern_engine import scan
from strategy_engine.periods import PERIODS_PER_YEAR
from suggestion_engine.confidence import confidence
from suggestion_engine.ensemble import Scores, stacked
from suggestion_engine.evidence import (
    PATTERN_BARS,
    POINTED_PATTERNS,
    Fact,
    Mood,
    model_fact,
    mood_fact,
    pattern_facts,
    regime_fact,
    weigh,
)
from suggestion_engine.explain import explain
from suggestion_engine.feature_registry import RAW_FEATURES
from suggestion_engine.member import Member
from suggestion_engine.plan import Quote, make_plan
from suggestion_engine.regime import Regime, classify
from suggestion_engine.version import ENGINE_VERSION
from workers.context import Context
from workers.handlers.bars import as_outcome, iso, provenance
from workers.handlers.suggestion_models import Chosen, choose
from workers.handlers.suggestion_symbols import Candidate, candidates_of, moods_of
from workers.handlers.suggestion_view import (
    drift_view,
    evidence_view,
    expected_view,
    explanation_view,
    model_view,
    probabilities_view,
    signal_row,
)

EXPLAINED_AT_MOST = 20
"""An explanation takes some milliseconds a symbol; beyond so many, only the surest buys and sells get one."""
STALE_AFTER = timedelta(days=5)
"""A long weekend. Bars of more than two days are stale after two of them."""
LOADING_FRACTION = 0.7

_ATR = RAW_FEATURES.index("atr_frac_14")
_VOLATILITY = RAW_FEATURES.index("vol_60")


def suggestion(payload: SuggestionPayload, context: Context) -> Outcome:
    chosen = choose(payload, context.models.suggestion())
    now = context.now()
    candidates, failures = candidates_of(payload, context, now, loading_frac=LOADING_FRACTION)
    try:
        scores = chosen.ensemble.score(stacked([candidate.window for candidate in candidates]))
    except ModelRefused as error:
        raise as_outcome(error) from error
    moods = moods_of(candidates, context)
    desk = _Desk(payload, chosen, scores, now)
    given: list[Suggestion] = []
    for i, candidate in enumerate(candidates):
        context.progress(LOADING_FRACTION + (1 - LOADING_FRACTION) * i / len(candidates), "weighing", weighed=i)
        try:
            given.append(desk.suggest(i, candidate, moods.get(candidate.symbol)))
        except DomainError as error:
            failures.append(SymbolFailure(symbol=candidate.symbol, code=error.code, message=str(error)))
    explained, warnings = _explained(given, {one.symbol: one for one in candidates}, chosen.ensemble.members, context)
    result = SuggestionResult(
        suggestions=tuple(explained),
        failures=tuple(failures),
        provenance=provenance(
            context, "suggestion_engine", ENGINE_VERSION, [candidate.loaded.used for candidate in candidates]
        ),
        warnings=(*chosen.warnings, *_expired(chosen, now.date()), *warnings),
    )
    for failure in failures:
        context.log.warning("symbol_failed", symbol=failure.symbol, code=failure.code, message=failure.message)
    rows = [signal_row(one, payload.timeframe) for one in explained]
    return Outcome(result, rows=rows, summary=_summary(result))


def _summary(result: SuggestionResult) -> str:
    """Return how many of each action there are, and the surest that is not a hold."""
    actions = Counter(one.action for one in result.suggestions)
    told = [f"{actions[action]} {action}" for action in ("buy", "sell", "hold")]
    if result.failures:
        told.append(f"{len(result.failures)} failed")
    surest = min((one for one in result.suggestions if one.action != "hold"), key=_unsureness, default=None)
    if surest is not None:
        told.append(f"surest {surest.action} {surest.symbol} ({surest.confidence:.0%})")
    return ", ".join(told)


@dataclass(frozen=True, eq=False)
class _Desk:
    """All that every symbol's suggestion is made with."""

    payload: SuggestionPayload
    chosen: Chosen
    scores: Scores
    now: datetime

    def suggest(self, i: int, candidate: Candidate, mood: Mood | None) -> Suggestion:
        """Return the suggestion for the candidate that stands at place `i` of the scores."""
        ensemble, p = self.chosen.ensemble, self.scores.of(i)
        report = ensemble.drift(candidate.window)
        plan = make_plan(
            p,
            ensemble.returns,
            self._quote(candidate),
            self.payload.risk,
            min_edge=ensemble.min_edge,
            is_drifted=report.is_drifted,
        )
        regime = classify(candidate.bars, candidate.window[-1])
        is_in_sample, warnings = self._doubts(candidate)
        return Suggestion(
            symbol=candidate.symbol,
            action=plan.action,
            reason=plan.reason,
            probabilities=probabilities_view(p),
            expected_return=expected_view(plan.expected),
            entry=plan.entry,
            stop=plan.stop,
            target=plan.target,
            size_frac=plan.size_frac,
            confidence=self._confidence(i, plan.action, is_drifted=report.is_drifted),
            drift=drift_view(report),
            regime=regime.name,
            evidence=evidence_view(weigh(plan.action, self._facts(i, candidate, regime, mood))),
            explanation=(),
            horizon_bars=self.chosen.horizon_bars,
            as_of=iso(int(candidate.bars.time[-1])),
            data_age_s=max((self.now - candidate.closed_at).total_seconds(), 0.0),
            in_sample=is_in_sample,
            models=self._models(i),
            warnings=(*candidate.loaded.warnings, *warnings),
        )

    def _confidence(self, i: int, action: Action, *, is_drifted: bool) -> float:
        ensemble = self.chosen.ensemble
        return confidence(
            action,
            self.scores.of(i).edge,
            self.scores.edges(i),
            self._weights,
            min_edge=ensemble.min_edge,
            is_drifted=is_drifted,
        )

    def _models(self, i: int) -> tuple[ModelUsed, ...]:
        today, members = self.now.date(), enumerate(self.chosen.ensemble.members)
        return tuple(model_view(member, self.scores.of_member(m, i), today=today) for m, member in members)

    @cached_property
    def _expiries(self) -> tuple[str, ...]:
        return tuple(_expired(self.chosen, self.now.date()))

    @cached_property
    def _weights(self) -> list[float]:
        return [float(weight) for weight in self.chosen.ensemble.weights]

    def _quote(self, candidate: Candidate) -> Quote:
        newest, close = candidate.window[-1], float(candidate.bars.close[-1])
        per_bar = float(newest[_VOLATILITY])
        return Quote(
            close=close,
            atr=float(newest[_ATR]) * close,
            volatility_frac=per_bar * PERIODS_PER_YEAR[self.payload.timeframe] ** 0.5,
        )

    def _facts(self, i: int, candidate: Candidate, regime: Regime, mood: Mood | None) -> list[Fact]:
        members = enumerate(self.chosen.ensemble.members)
        facts = [
            model_fact(member.name, self.scores.of_member(m, i), min_edge=member.settings.min_edge)
            for m, member in members
        ]
        trend = f"50-bar mean {regime.trend:+.1%} from the 200-bar mean"
        facts.append(
            regime_fact(regime.name, f"{trend}, volatility above {regime.volatility_pct:.0f} % of its last year")
        )
        if mood is not None:
            facts.append(mood_fact(mood))
        matches = scan(candidate.bars, POINTED_PATTERNS, last_bars=PATTERN_BARS)
        return facts + pattern_facts(matches, newest_bar=len(candidate.bars) - 1)

    def _doubts(self, candidate: Candidate) -> tuple[bool, list[str]]:
        """Return whether a model may have learnt from what followed this bar, and what else a reader should know."""
        day = candidate.as_of.date()
        seen_by = [one for one in self.chosen.ensemble.members if _covers(one, day)]
        warnings = _in_sample(candidate.symbol, day, seen_by)
        stale_after = max(STALE_AFTER, 2 * candidate.step)
        asked_for = min(self.now, _end_of(self.payload.end, self.now))
        age = asked_for - candidate.closed_at
        if age > stale_after:
            before = "ago" if asked_for == self.now else f"before the end of {self.payload.end}"
            warnings.append(f"stale: the newest bar, of {day}, closed {age / timedelta(days=1):.1f} days {before}")
        return bool(seen_by), [*warnings, *self._expiries]


def _explained(
    given: Sequence[Suggestion], candidates: Mapping[str, Candidate], members: Sequence[Member], context: Context
) -> tuple[list[Suggestion], list[str]]:
    """Return the suggestions, the surest of them explained, and what is to be said of the others."""
    chosen = {one.symbol for one in sorted(given, key=_unsureness)[:EXPLAINED_AT_MOST]}
    explained = []
    for one in given:
        context.check_cancelled()
        found: tuple[Explanation, ...] = ()
        if one.symbol in chosen:
            window = candidates[one.symbol].window
            found = tuple(explanation_view(explain(member, window)) for member in members)
        explained.append(one.model_copy(update={"explanation": found}))
    left_out = len(given) - len(chosen)
    note = f"{left_out} of {len(given)} suggestions are not explained; ask for {EXPLAINED_AT_MOST} symbols or fewer"
    return explained, [note] if left_out else []


def _unsureness(one: Suggestion) -> tuple[bool, float]:
    return one.action == "hold", -one.confidence


def _covers(member: Member, day: date) -> bool:
    return member.manifest.trained_from <= day <= member.manifest.trained_to


def _in_sample(symbol: str, day: date, members: Sequence[Member]) -> list[str]:
    """Return a warning for each training span that the day is in, and for each way the symbol had a part in it."""
    names: dict[str, list[str]] = {}
    for member in members:
        manifest = member.manifest
        is_held_out = symbol in manifest.held_out_symbols
        part = "the symbol was held out of it" if is_held_out else "they may have learnt what followed"
        span = f"training from {manifest.trained_from} to {manifest.trained_to}, which has {day} in it; {part}"
        names.setdefault(span, []).append(member.name)
    return [f"in sample: {', '.join(named)} saw {span}" for span, named in names.items()]


def _expired(chosen: Chosen, today: date) -> list[str]:
    """Return a warning for each day on which some of the models expired."""
    names: dict[date, list[str]] = {}
    for member in chosen.ensemble.members:
        if member.manifest.is_expired(today):
            names.setdefault(member.manifest.expires_at, []).append(member.name)
    return [f"expired on {day}: {', '.join(named)}; train newer ones" for day, named in names.items()]


def _end_of(day: date | None, now: datetime) -> datetime:
    if day is None or day >= now.date():
        return now
    return datetime.combine(day, time.max, UTC)
