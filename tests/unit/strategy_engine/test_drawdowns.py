import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.errors import DomainError
from strategy_engine.drawdowns import Drawdowns, drawdown_curve
from strategy_engine.summaries import summarise_equity
from tests.unit.strategy_engine.price_series import DAY_NS


def drawdowns(equity, cash=100.0, **kwargs):
    equity = np.asarray(equity, np.float64)
    return Drawdowns.of(np.arange(len(equity)) * DAY_NS, equity, cash, **kwargs)


def test_episodes_by_hand():
    # Below the cash at once and back on bar 2; from 120 on bar 3 down to 90 on bar 4, never back.
    table = drawdowns([95.0, 90.0, 100.0, 120.0, 90.0, 110.0])
    assert table.depth_frac == pytest.approx([-0.1, -0.25])
    assert table.bars.tolist() == [3, 2]
    assert table.bars_to_trough.tolist() == [2, 1]
    assert (table.peak_time // DAY_NS).tolist() == [0, 3]
    assert (table.trough_time // DAY_NS).tolist() == [1, 4]
    assert (table.end_time // DAY_NS).tolist() == [2, 5]
    assert table.is_open.tolist() == [False, True]


def test_the_deepest_come_first_when_only_some_are_asked_for():
    assert drawdowns([90.0, 100.0, 70.0, 100.0, 80.0], at_most=2).depth_frac == pytest.approx([-0.3, -0.2])


def test_a_curve_that_never_falls_has_none():
    assert len(drawdowns([100.0, 100.0, 101.0])) == 0


def test_none_cannot_be_asked_for():
    with pytest.raises(DomainError, match="at_most must be at least 1, was 0"):
        drawdowns([1.0], at_most=0)


@given(st.lists(st.floats(1.0, 200.0), min_size=1, max_size=60))
def test_the_table_says_what_the_summary_says(equity):
    table, summary = drawdowns(equity), summarise_equity(np.array(equity), 100.0)
    assert summary.max_drawdown == min(table.depth_frac, default=0.0)
    assert summary.max_drawdown_duration_bars == max(table.bars, default=0)
    if len(table) > 0:
        assert summary.avg_drawdown == pytest.approx(table.depth_frac.mean())
        assert summary.avg_drawdown_duration_bars == pytest.approx(table.bars.mean())
    assert drawdown_curve(np.array(equity), 100.0).min() == summary.max_drawdown
