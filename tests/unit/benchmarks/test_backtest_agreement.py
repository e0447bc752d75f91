from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.backtests.agreement import WHOLE_UNITS, differences
from benchmarks.backtests.work import Outcome

OURS = Outcome(
    entry_bar=np.array([3, 9]),
    exit_bar=np.array([6, 12]),
    size=np.array([100.0, 90.0]),
    entry_price=np.array([10.0, 11.0]),
    exit_price=np.array([11.0, 10.5]),
    final_equity=1_000.0,
)


def test_same_outcomes_do_not_differ() -> None:
    assert differences(OURS, OURS) == []


@pytest.mark.parametrize("column", ["entry_bar", "exit_bar", "size", "entry_price", "exit_price"])
def test_one_other_value_is_told_with_its_trade(column: str) -> None:
    other = getattr(OURS, column).copy()
    other[1] += 1
    (told,) = differences(OURS, replace(OURS, **{column: other}))
    assert told == f"{column} of 1 trades, first of trade 1: {other[1]}, not {getattr(OURS, column)[1]}"


def test_a_trade_less_is_told() -> None:
    fewer = replace(OURS, **{name: getattr(OURS, name)[:1] for name in ("entry_bar", "exit_bar", "size")})
    assert differences(OURS, fewer) == ["1 closed trades, not 2"]


@pytest.mark.parametrize("equity", [1_000.1, float("nan")])
def test_other_money_is_told(equity: float) -> None:
    assert differences(OURS, replace(OURS, final_equity=equity)) == [f"a final equity of {equity:.2f}, not 1000.00"]


def test_a_rule_of_whole_units_lets_a_unit_differ_but_no_bar() -> None:
    nearly = replace(OURS, size=OURS.size - 1.0)
    assert differences(OURS, nearly, WHOLE_UNITS) == []
    assert differences(OURS, replace(nearly, entry_bar=OURS.entry_bar + 1), WHOLE_UNITS) != []


def test_saved_outcome_is_read_back(tmp_path: Path) -> None:
    OURS.save(tmp_path / "outcome.npz")
    assert differences(OURS, Outcome.load(tmp_path / "outcome.npz")) == []


def test_a_price_may_be_off_in_its_last_digit_where_the_rule_says_so() -> None:
    theirs = replace(OURS, entry_price=np.nextafter(OURS.entry_price, np.inf))
    assert differences(OURS, theirs)
    assert differences(OURS, theirs, WHOLE_UNITS) == []
    assert differences(OURS, replace(OURS, entry_price=OURS.entry_price * (1 + 1e-12)), WHOLE_UNITS)
