import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import Turtle
from tests.unit.strategy_engine.price_series import bars_of

# highs:  5  6  7  7  8  9  9  5
# lows:   5  5  6  6  6  8  5  4
CLOSES = [5.0, 6.0, 7.0, 6.0, 8.0, 9.0, 5.0, 4.0]


def test_a_breakout_has_its_stop_two_ranges_away():
    # True ranges (one bar): -  1  1  1  2  1  4  1. A stop that would be below 0 is none.
    signals = Turtle(entry=2, exit=1, atr_period=1, direction="both").signals(MarketView(bars_of(CLOSES)))
    assert_array_equal(np.flatnonzero(signals.entries), [2, 4, 5])
    assert_array_equal(signals.stop_loss[[2, 4, 5]], [5.0, 4.0, 7.0])
    assert_array_equal(np.flatnonzero(signals.exits), [6, 7])
    assert_array_equal(np.flatnonzero(signals.short_entries), [6, 7])
    assert_array_equal(signals.stop_loss[[6, 7]], [13.0, 6.0])


def test_a_stop_below_zero_is_none():
    signals = Turtle(entry=2, exit=1, atr_period=1, stop_atr=20.0).signals(MarketView(bars_of(CLOSES)))
    assert np.isnan(signals.stop_loss[[2, 4, 5]]).all()


def test_without_a_range_there_is_no_stop_and_no_entry():
    signals = Turtle(entry=2, exit=1, atr_period=6).signals(MarketView(bars_of(CLOSES)))
    assert_array_equal(np.flatnonzero(signals.entries), [])
