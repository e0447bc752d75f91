import numpy as np
from numpy.testing import assert_array_equal

from market_data.bars import Bars
from strategy_engine import MarketView
from strategy_engine.strategies import DirectionalMovement
from tests.unit.strategy_engine.price_series import DAY_NS


def test_it_is_long_while_a_firm_market_rises_and_short_while_one_falls():
    # Rises by 1 a bar: +DI 50, -DI 0, ADX 100 from bar 3 on. With the first fall, bar 6, movements are 0.97 up and 1
    # down: DX 2, ADX 51. Then 0.48 and 1.5: DX 51, ADX 51; then 0.24 and 1.75: DX 76, ADX 63.
    high = np.array([2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 6.5, 5.5, 4.5])
    prices = {"open": high - 1.0, "high": high, "low": high - 2.0, "close": high - 1.0, "volume": np.ones(9)}
    bars = Bars.from_arrays(symbol="TEST", timeframe="1d", time=np.arange(9) * DAY_NS, **prices)
    signals = DirectionalMovement(period=2, firm_adx=58.0, direction="both").signals(MarketView(bars))
    assert_array_equal(np.flatnonzero(signals.entries), [3, 4, 5])
    assert_array_equal(np.flatnonzero(signals.exits), [6, 7, 8])
    assert_array_equal(np.flatnonzero(signals.short_entries), [8])
