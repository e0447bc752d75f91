import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import VolatilityBreakout
from tests.unit.strategy_engine.price_series import bars_of


def test_a_move_counts_against_the_range_before_it():
    # True ranges: -  1  2  1  3. Bar 2 rises by 2 after a range of 1; bar 3 falls by 1 after one of 2, bar 4 by 3
    # after one of 1.
    view = MarketView(bars_of([10.0, 11.0, 13.0, 12.0, 9.0]))
    signals = VolatilityBreakout(period=1, multiple=1.0, direction="both").signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [2])
    assert_array_equal(np.flatnonzero(signals.exits), [4])
    assert_array_equal(np.flatnonzero(signals.short_entries), [4])


def test_a_move_of_just_the_multiple_is_none():
    signals = VolatilityBreakout(period=1, multiple=2.0).signals(MarketView(bars_of([10.0, 11.0, 13.0, 12.0])))
    assert not signals.entries.any()
