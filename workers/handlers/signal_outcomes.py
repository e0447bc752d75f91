"""`signal_outcomes`: what became of past suggestions, of all users, each by the bars that its owner sees.

Buys and sells are scored by their own levels; a hold as the buy that was not made, at the barriers of its labels, so
that the probability of a hold can be compared with what came as well. Scoring twice changes nothing. A signal that
was looked at and has no outcome yet goes to the end of the line: one that can never be scored keeps nobody waiting.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from uuid import UUID

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.outcomes import Change, Outcome
from backend.core.jobs.provenance import BarsUsed
from backend.core.jobs.signal_outcomes import SignalOutcomesPayload, SignalOutcomesResult
from backend.core.signals import SignalView, UnscoredSeries
from market_data.bars import Bars
from market_data.errors import DomainError, NoBars
from market_data.timeframe import NS_PER_S, check_timeframe
from suggestion_engine.outcome import Given, SignalOutcome, has_bar, outcome_of
from suggestion_engine.version import ENGINE_VERSION
from workers.context import Context
from workers.handlers.bars import closed, iso, provenance

NS_PER_US = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class _Findings:
    now: datetime
    changes: list[Change] = field(default_factory=list)
    failures: list[SymbolFailure] = field(default_factory=list)
    used: list[BarsUsed] = field(default_factory=list)
    scored_count: int = 0
    open_count: int = 0

    def scored(self, signal: SignalView, outcome: SignalOutcome) -> None:
        self.scored_count += 1
        self.changes.append(_change(signal.id, outcome, self.now))

    def tried(self, signal: SignalView) -> None:
        self.changes.append(Change("signals", {"id": signal.id}, {"tried_at": self.now}))


def signal_outcomes(payload: SignalOutcomesPayload, context: Context) -> Outcome:
    now = context.now()
    waiting = context.signals.unscored(payload.symbols, payload.limit)
    signal_count = sum(series.signal_count for series in waiting)
    found, done = _Findings(now), 0
    for series in waiting:
        context.progress(done / signal_count, f"{done} of {signal_count} signals", scored=found.scored_count)
        bars = _bars(series, context, found)
        signals = chain.from_iterable(context.signals.unscored_of(series))
        if bars is None:
            for signal in signals:
                found.tried(signal)
        else:
            _score(signals, bars, found)
        done += series.signal_count
    result = SignalOutcomesResult(
        scored_count=found.scored_count,
        open_count=found.open_count,
        failures=tuple(found.failures),
        provenance=provenance(context, "suggestion_engine", ENGINE_VERSION, found.used),
    )
    summary = f"{result.scored_count} signals scored, {result.open_count} still open"
    if result.failures:
        summary += f", {len(result.failures)} symbols failed"
    return Outcome(result, changes=found.changes, summary=summary)


def _bars(series: UnscoredSeries, context: Context, found: _Findings) -> Bars | None:
    """Return the closed bars as the signals' owner sees them; None, and a failure, when there are none to be had."""
    try:
        loaded = context.signals.owners_bars(series.user_id, series.symbol, check_timeframe(series.timeframe))
    except DomainError as error:
        found.failures.append(SymbolFailure(symbol=series.symbol, code=error.code, message=str(error)))
        return None
    found.used.append(loaded.used)
    return closed(loaded.bars, found.now)


def _score(signals: Iterable[SignalView], bars: Bars, found: _Findings) -> None:
    """Score the signals of one series; those whose bar is gone (prices that were imported anew) are a failure."""
    lost: list[str] = []
    for signal in signals:
        given = _given(signal)
        outcome = outcome_of(given, bars)
        if outcome is not None:
            found.scored(signal, outcome)
            continue
        found.tried(signal)
        if has_bar(given, bars):
            found.open_count += 1
        else:
            lost.append(iso(given.as_of_ns))
    if lost:
        told = f"{len(lost)} signals of {bars.symbol} stand on bars that are not there, the first on {min(lost)}"
        found.failures.append(SymbolFailure(symbol=bars.symbol, code=NoBars.code, message=told))


def _given(signal: SignalView) -> Given:
    return Given(
        action=signal.action,
        entry=signal.entry,
        stop=signal.stop,
        target=signal.target,
        horizon_bars=signal.horizon_bars,
        as_of_ns=(signal.as_of - EPOCH) // timedelta(microseconds=1) * NS_PER_US,
    )


def _change(signal_id: UUID, outcome: SignalOutcome, now: datetime) -> Change:
    values = {
        "outcome": outcome.ending,
        "outcome_return_frac": outcome.return_frac,
        "exit_price": outcome.exit_price,
        "exit_at": datetime.fromtimestamp(outcome.exit_time_ns / NS_PER_S, UTC),
        "scored_at": now,
    }
    return Change("signals", {"id": signal_id}, values)
