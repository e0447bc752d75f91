import numpy as np
import pytest
from numpy.testing import assert_array_equal

from market_data.errors import DomainError
from strategy_engine import MarketView, RsiReversion
from tests.unit.strategy_engine.price_series import bars_of


def test_it_enters_when_the_rsi_comes_down_to_oversold_and_leaves_when_it_has_recovered():
    # RSI over 2 bars: -, -, 66.7, 22.2, 58.8, 58.8 (worked out in the test of the indicator)
    view = MarketView(bars_of([10.0, 11.0, 10.5, 9.0, 10.0, 10.0]))
    signals = RsiReversion(period=2, oversold=30.0, exit_above=55.0).signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [3])
    assert_array_equal(np.flatnonzero(signals.exits), [4])


def test_a_first_reading_that_is_oversold_already_is_no_entry():
    view = MarketView(bars_of([10.0, 9.0, 8.0, 7.0, 6.0]))
    assert not RsiReversion(period=2).signals(view).entries.any()


def test_the_short_side_mirrors_both_levels_around_50():
    # RSI over 2 bars: -, -, 33.3, 77.8, 41.2, 41.2: the mirror image of the above.
    view = MarketView(bars_of([10.0, 9.0, 9.5, 11.0, 10.0, 10.0]))
    signals = RsiReversion(period=2, oversold=30.0, exit_above=55.0, direction="short_only").signals(view)
    assert_array_equal(np.flatnonzero(signals.short_entries), [3])
    assert_array_equal(np.flatnonzero(signals.short_exits), [4])
    assert not signals.entries.any()


@pytest.mark.parametrize(
    "fields",
    [{"period": 1}, {"oversold": 0.5}, {"oversold": 51.0}, {"exit_above": 49.0}, {"exit_above": 100.0}],
)
def test_parameters_out_of_bounds_are_refused(fields):
    with pytest.raises(DomainError, match=f"{next(iter(fields))} must be"):
        RsiReversion(**fields)


def test_oversold_must_be_below_the_exit():
    with pytest.raises(DomainError, match="oversold must be below exit_above, was 50 with exit_above 50"):
        RsiReversion(oversold=50.0, exit_above=50.0)
