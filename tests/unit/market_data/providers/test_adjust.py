import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from market_data.bars import Bars
from market_data.providers.adjust import widened

PRICES = st.floats(min_value=0.01, max_value=1e6)


@given(st.lists(PRICES, min_size=4, max_size=4), st.floats(min_value=1e-3, max_value=1.0))
def test_an_adjusted_bar_is_still_a_bar(prices, factor):
    low, opening, close, high = (np.array([price]) for price in sorted(prices))
    adjusted_close = close * factor
    ratio = adjusted_close / close
    new_low, new_high = widened(open_=opening * ratio, high=high * ratio, low=low * ratio, close=adjusted_close)
    Bars.from_arrays(
        symbol="A",
        timeframe="1m",
        time=[0],
        open=opening * ratio,
        high=new_high,
        low=new_low,
        close=adjusted_close,
        volume=[0],
    )
    np.testing.assert_allclose([new_low, new_high], [low * ratio, high * ratio], rtol=1e-15)


def test_an_open_outside_widens_the_range():
    low, high = widened(
        open_=np.array([5.0, 1.0]),
        high=np.array([4.0, 4.0]),
        low=np.array([2.0, 2.0]),
        close=np.array([3.0, 3.0]),
    )
    assert (low.tolist(), high.tolist()) == ([2.0, 1.0], [5.0, 4.0])
