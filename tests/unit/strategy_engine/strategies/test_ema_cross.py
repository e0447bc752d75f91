import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import EmaCross
from tests.unit.strategy_engine.price_series import bars_of


def test_it_enters_where_fast_rises_above_slow_and_leaves_on_the_mirror_image():
    # fast (2 bars):  -  3.5  2.5  1.5  3.83  7.28  3.09
    # slow (3 bars):  -   -    3    2   3.5   6.25  3.63
    view = MarketView(bars_of([4.0, 3.0, 2.0, 1.0, 5.0, 9.0, 1.0]))
    signals = EmaCross(fast=2, slow=3, direction="both").signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [4])
    assert_array_equal(np.flatnonzero(signals.exits), [6])
    assert_array_equal(np.flatnonzero(signals.short_entries), [6])
    assert_array_equal(np.flatnonzero(signals.short_exits), [4])
