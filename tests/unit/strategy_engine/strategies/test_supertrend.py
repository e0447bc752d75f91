import numpy as np
from numpy.testing import assert_array_equal

from market_data.bars import Bars
from strategy_engine import MarketView
from strategy_engine.strategies import Supertrend
from tests.unit.strategy_engine.price_series import DAY_NS


def test_it_turns_with_the_side_and_once_only():
    # Ranges of 2 around each close: 8 to 12 at first; 13 leaves upwards, then the lower line rises to 12, and 11.5 is
    # below.
    close = np.array([10.0, 10.0, 11.0, 13.0, 14.0, 13.0, 11.5])
    prices = {"open": close, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": np.ones(7)}
    bars = Bars.from_arrays(symbol="TEST", timeframe="1d", time=np.arange(7) * DAY_NS, **prices)
    signals = Supertrend(period=1, width=1.0, direction="both").signals(MarketView(bars))
    assert_array_equal(np.flatnonzero(signals.entries), [3])
    assert_array_equal(np.flatnonzero(signals.exits), [6])
    assert_array_equal(np.flatnonzero(signals.short_entries), [6])
    assert_array_equal(np.flatnonzero(signals.short_exits), [3])
