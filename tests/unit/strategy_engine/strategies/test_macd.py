import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import MacdCross
from tests.unit.strategy_engine.price_series import bars_of


def test_it_follows_the_line_across_its_average():
    # line:    -  -  -0.50  -0.50  0.33  1.03  -0.53
    # signal:  -  -    -    -0.50  0.06  0.70  -0.12
    view = MarketView(bars_of([4.0, 3.0, 2.0, 1.0, 5.0, 9.0, 1.0]))
    signals = MacdCross(fast=2, slow=3, signal=2, direction="both").signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [4])
    assert_array_equal(np.flatnonzero(signals.exits), [6])
    assert_array_equal(np.flatnonzero(signals.short_entries), [6])
