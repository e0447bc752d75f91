import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import Keltner
from tests.unit.strategy_engine.price_series import bars_of


def test_it_goes_with_a_close_beyond_the_channel_until_its_middle():
    # middle:  -  10  12.67  10.89   true ranges:  -  0  4  4
    # upper:   -  10  13.67  11.89   lower:  -  10  11.67  9.89
    view = MarketView(bars_of([10.0, 10.0, 14.0, 10.0, 2.0]))
    signals = Keltner(period=2, atr_period=1, width=0.25, direction="both").signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [2])
    assert_array_equal(np.flatnonzero(signals.exits), [3])
    # Bar 4: middle 4.96, range 8, lower 2.96.
    assert_array_equal(np.flatnonzero(signals.short_entries), [4])
    assert_array_equal(np.flatnonzero(signals.short_exits), [2])
