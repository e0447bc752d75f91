"""The job `signal_outcomes`: whom it scores, by whose bars, and what it leaves for later."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend.core.jobs.outcomes import Outcome
from backend.core.jobs.signal_outcomes import SignalOutcomesPayload, SignalOutcomesResult
from backend.core.signals import SignalView
from market_data.errors import NoBars
from tests.models import walk
from tests.suggestion_bench import NOW, Bench
from workers.handlers.signal_outcomes import signal_outcomes

ANN, BOB = uuid4(), uuid4()
BARS = walk("UP", seed=1, count=731)


def signal(bar: int, symbol: str = "UP", *, owner: UUID = ANN, **changes: Any) -> SignalView:
    """Return a buy at the bar of that number, with its levels far away."""
    close = float(BARS.close[bar])
    values: dict[str, Any] = {
        "id": uuid4(),
        "job_id": uuid4(),
        "user_id": owner,
        "symbol": symbol,
        "timeframe": "1d",
        "action": "buy",
        "reason": "edge",
        "p_buy": 0.5,
        "p_hold": 0.3,
        "p_sell": 0.2,
        "expected_return_frac": 0.01,
        "entry": close,
        "stop": close * 0.1,
        "target": close * 9,
        "size_frac": 0.1,
        "confidence": 0.5,
        "horizon_bars": 10,
        "as_of": BARS.time_utc(bar),
        "is_in_sample": False,
        "models": {"suggestion-tiny": "1"},
        "created_at": NOW,
        **dict.fromkeys(("outcome", "outcome_return_frac", "exit_price", "exit_at", "scored_at")),
    }
    return SignalView(**(values | changes))


@pytest.fixture
def bench() -> Bench:
    return Bench(bars={"UP": BARS})


def score(bench: Bench, *waiting: SignalView, **payload: Any) -> tuple[Outcome, SignalOutcomesResult]:
    bench.ledger.waiting = waiting
    outcome = signal_outcomes(SignalOutcomesPayload(**payload), bench.context())
    assert isinstance(outcome.result, SignalOutcomesResult)
    return outcome, outcome.result


def test_an_outcome_is_a_change_of_the_signals_row(bench: Bench) -> None:
    given = signal(700)
    outcome, result = score(bench, given)
    fill, end = float(BARS.open[701]), float(BARS.close[710])
    assert (result.scored_count, result.open_count, result.failures) == (1, 0, ())
    assert [(change.table, change.key) for change in outcome.changes] == [("signals", {"id": given.id})]
    assert outcome.changes[0].values == {
        "outcome": "timeout",
        "outcome_return_frac": pytest.approx(end / fill - 1),
        "exit_price": end,
        "exit_at": BARS.time_utc(710),
        "scored_at": NOW,
    }


def test_what_is_not_over_stays_open(bench: Bench) -> None:
    outcome, result = score(bench, signal(720), signal(721), signal(730))
    assert (result.scored_count, result.open_count) == (1, 2)
    assert sum("outcome" in change.values for change in outcome.changes) == 1


def test_what_was_looked_at_in_vain_goes_to_the_end_of_the_line(bench: Bench) -> None:
    bench.bars["GONE"] = NoBars("no bars of GONE")
    lost = signal(700, as_of=datetime(2021, 12, 1, 5, tzinfo=UTC))
    in_vain = [signal(721), signal(722), lost, signal(700, "GONE")]
    outcome, _ = score(bench, *in_vain)
    assert {change.key["id"]: change.values for change in outcome.changes} == {
        one.id: {"tried_at": NOW} for one in in_vain
    }


def test_a_bar_that_is_still_forming_ends_nothing(bench: Bench) -> None:
    bench.now = NOW - timedelta(hours=1)
    assert score(bench, signal(720))[1].open_count == 1


def test_a_hold_is_scored_as_the_buy_that_was_not_made(bench: Bench) -> None:
    hold = signal(300, action="hold", reason="no_edge", stop=None, target=None)
    outcome, _ = score(bench, hold)
    assert outcome.changes[0].values["outcome"] in {"target", "stop", "timeout"}


def test_each_signal_is_scored_by_its_owners_bars_loaded_once(bench: Bench) -> None:
    result = score(bench, signal(700), signal(701), signal(700, owner=BOB))[1]
    assert bench.ledger.owners == [ANN, BOB]
    assert result.scored_count == 3
    assert [used.symbol for used in result.provenance.bars] == ["UP", "UP"]


def test_one_bad_symbol_never_sinks_the_others(bench: Bench) -> None:
    bench.bars["GONE"] = NoBars("no bars of GONE")
    result = score(bench, signal(700, "GONE"), signal(700), signal(700, "LOST"))[1]
    assert result.scored_count == 1
    assert [(one.symbol, one.code) for one in result.failures] == [("GONE", "no_bars"), ("LOST", "unknown_symbol")]


def test_a_signal_on_a_bar_that_is_not_there_any_more_is_said(bench: Bench) -> None:
    lost = signal(700, as_of=datetime(2021, 12, 1, 5, tzinfo=UTC))
    result = score(bench, lost, signal(701))[1]
    assert result.scored_count == 1
    assert [one.code for one in result.failures] == ["no_bars"]
    assert (
        "1 signals of UP stand on bars that are not there, the first on 2021-12-01T05:00:00Z"
        in result.failures[0].message
    )


def test_only_the_symbols_asked_for_are_scored(bench: Bench) -> None:
    bench.bars["DOWN"] = replace(BARS, symbol="DOWN")
    assert score(bench, signal(700), signal(700, "DOWN"), symbols=("DOWN",))[1].scored_count == 1


def test_nothing_to_score_is_a_success(bench: Bench) -> None:
    outcome, result = score(bench)
    assert (outcome.changes, result.scored_count, result.open_count) == ([], 0, 0)
