import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import MarketView
from strategy_engine.strategies import BollingerBreakout
from tests.unit.strategy_engine.price_series import bars_of

# middle:  -  10  11    11    9    8.5
# upper:   -  10  11.5  11.5  9.5  8.75    half a deviation off
# lower:   -  10  10.5  10.5  8.5  8.25
CLOSES = [10.0, 10.0, 12.0, 10.0, 8.0, 9.0]


def test_it_goes_with_a_close_beyond_a_band_until_the_middle():
    signals = BollingerBreakout(period=2, width=0.5, direction="both").signals(MarketView(bars_of(CLOSES)))
    assert_array_equal(np.flatnonzero(signals.entries), [2, 5])
    assert_array_equal(np.flatnonzero(signals.exits), [3])
    assert_array_equal(np.flatnonzero(signals.short_entries), [3])
    assert_array_equal(np.flatnonzero(signals.short_exits), [2, 5])
