import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import Donchian
from tests.unit.strategy_engine.price_series import bars_of

# highs:  5  6  7  7  8  9  9  5
# lows:   5  5  6  6  6  8  5  4
CLOSES = [5.0, 6.0, 7.0, 6.0, 8.0, 9.0, 5.0, 4.0]


def test_it_enters_above_the_highs_before_and_leaves_below_the_lows_before():
    signals = Donchian(entry=2, exit=2, direction="both").signals(MarketView(bars_of(CLOSES)))
    assert_array_equal(np.flatnonzero(signals.entries), [2, 4, 5])
    assert_array_equal(np.flatnonzero(signals.exits), [6, 7])
    assert_array_equal(np.flatnonzero(signals.short_entries), [6, 7])
    assert_array_equal(np.flatnonzero(signals.short_exits), [2, 4, 5])


def test_the_bar_itself_is_no_part_of_its_channel():
    signals = Donchian(entry=2, exit=1).signals(MarketView(bars_of([5.0, 5.0, 5.0, 5.0])))
    assert not signals.entries.any()
    assert not signals.exits.any()
