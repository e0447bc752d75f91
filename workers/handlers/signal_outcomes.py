"""`signal_outcomes`: what became of past suggestions, of all users, each by the bars that its owner sees.

Buys and sells are scored by their own levels; a hold as the buy that was not made, at the barriers of its labels, so
that the probability of a hold can be compared with what came as well. Scoring twice changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.outcomes import Change, Outcome
from backend.core.jobs.provenance import BarsUsed
from backend.core.jobs.signal_outcomes import SignalOutcomesPayload, SignalOutcomesResult
from backend.core.signals import SignalView
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
    open_count: int = 0


def signal_outcomes(payload: SignalOutcomesPayload, context: Context) -> Outcome:
    now = context.now()
    waiting = context.signals.unscored(payload.symbols, payload.limit)
    found, done = _Findings(now), 0
    for (owner_id, timeframe, symbol), group in groupby(waiting, key=_series_of):
        given = list(group)
        context.progress(done / len(waiting), f"{done} of {len(waiting)} signals")
        try:
            loaded = context.signals.owners_bars(owner_id, symbol, check_timeframe(timeframe))
            found.used.append(loaded.used)
            _score(given, closed(loaded.bars, now), found)
        except DomainError as error:
            found.failures.append(SymbolFailure(symbol=symbol, code=error.code, message=str(error)))
        done += len(given)
    result = SignalOutcomesResult(
        scored_count=len(found.changes),
        open_count=found.open_count,
        failures=tuple(found.failures),
        provenance=provenance(context, "suggestion_engine", ENGINE_VERSION, found.used),
    )
    return Outcome(result, changes=found.changes)


def _score(signals: Sequence[SignalView], bars: Bars, found: _Findings) -> None:
    """Score the signals of one series; those whose bar is gone (prices that were imported anew) are a failure."""
    lost: list[str] = []
    for signal in signals:
        given = _given(signal)
        outcome = outcome_of(given, bars)
        if outcome is not None:
            found.changes.append(_change(signal.id, outcome, found.now))
        elif has_bar(given, bars):
            found.open_count += 1
        else:
            lost.append(iso(given.as_of_ns))
    if lost:
        raise NoBars(f"{len(lost)} signals of {bars.symbol} stand on bars that are not there, the first on {lost[0]}")


def _series_of(signal: SignalView) -> tuple[UUID, str, str]:
    return signal.user_id, signal.timeframe, signal.symbol


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
