import numpy as np
import pytest
from numpy.testing import assert_array_equal

from market_data.errors import DomainError
from strategy_engine import MarketView, SmaCross
from tests.unit.strategy_engine.price_series import bars_of


def test_it_enters_where_fast_rises_above_slow_and_leaves_on_the_mirror_image():
    # fast (2 bars):  -   9.5  8.5  8.5   10    11.5   11  9
    # slow (3 bars):  -   -    9    8.67  9.33  10.67  11  10   a tie on bar 6 is no crossing yet
    view = MarketView(bars_of([10.0, 9.0, 8.0, 9.0, 11.0, 12.0, 10.0, 8.0]))
    signals = SmaCross(fast=2, slow=3).signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [4])
    assert_array_equal(np.flatnonzero(signals.exits), [7])


def test_it_stays_silent_before_both_averages_were_there_for_two_bars():
    view = MarketView(bars_of([1.0, 2.0, 4.0, 8.0, 16.0]))  # the fast average is above from the first
    signals = SmaCross(fast=2, slow=4).signals(view)
    assert not signals.entries.any()


@pytest.mark.parametrize("price", [0.1, 12.34, 1e6])
def test_it_stays_silent_after_a_price_came_to_rest(price):
    view = MarketView(bars_of([*np.linspace(3 * price, 2 * price, 100), *[price] * 400]))
    signals = SmaCross(fast=7, slow=49).signals(view)
    assert not signals.entries.any()
    assert not signals.exits[150:].any()


@pytest.mark.parametrize("fields", [{"fast": 1}, {"slow": 401}, {"fast": 10.0}, {"slow": "30"}, {"kind": "other"}])
def test_parameters_out_of_bounds_are_refused(fields):
    with pytest.raises(DomainError, match=f"{next(iter(fields))} must be"):
        SmaCross(**fields)


@pytest.mark.parametrize(("fast", "slow"), [(30, 30), (31, 30)])
def test_fast_must_be_below_slow(fast, slow):
    with pytest.raises(DomainError, match=f"fast must be below slow, was {fast} with slow {slow}"):
        SmaCross(fast=fast, slow=slow)
