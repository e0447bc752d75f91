import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import TimeSeriesMomentum
from tests.unit.strategy_engine.price_series import bars_of


def test_it_looks_at_each_review_and_never_between():
    # Changes over 2 bars: -  -  +0.40  0  -0.43  -0.50  +1; reviews on bars 2, 4 and 6.
    view = MarketView(bars_of([5.0, 6.0, 7.0, 6.0, 4.0, 3.0, 8.0]))
    signals = TimeSeriesMomentum(lookback=2, review_bars=2, direction="both").signals(view)
    assert_array_equal(np.flatnonzero(signals.entries), [2, 6])
    assert_array_equal(np.flatnonzero(signals.exits), [4])
    assert_array_equal(np.flatnonzero(signals.short_entries), [4])


def test_no_change_is_neither_up_nor_down():
    signals = TimeSeriesMomentum(lookback=2, review_bars=1).signals(MarketView(bars_of([5.0] * 6)))
    assert not (signals.entries | signals.exits).any()
