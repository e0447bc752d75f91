import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from strategy_engine import indicators
from tests.unit.strategy_engine.price_series import all_bars


def test_crossing_above_needs_at_or_below_before_and_above_now():
    series = np.array([1.0, 2.0, 3.0, 2.0, 2.0, 4.0, 5.0])
    other = np.array([2.0, 2.0, 2.0, 2.0, 3.0, 4.0, 4.0])
    assert_array_equal(np.flatnonzero(indicators.crosses_above(series, other)), [2, 6])
    assert_array_equal(np.flatnonzero(indicators.crosses_above(other, series)), [4])


def test_nothing_crosses_out_of_nan():
    series, other = np.array([np.nan, 3.0, 1.0, 3.0]), np.array([2.0, np.nan, 2.0, 2.0])
    assert_array_equal(np.flatnonzero(indicators.crosses_above(series, other)), [3])
    assert_array_equal(np.flatnonzero(indicators.falls_to(np.array([np.nan, 10.0, 40.0, 30.0]), 30.0)), [3])
    assert_array_equal(np.flatnonzero(indicators.rises_to(np.array([np.nan, 60.0, 40.0, 55.0]), 55.0)), [3])


@settings(max_examples=50)
@given(all_bars(), st.integers(2, 8), st.integers(9, 20))
def test_crossings_up_and_down_take_turns(bars, fast, slow):
    quick, steady = indicators.sma(bars.close, fast), indicators.sma(bars.close, slow)
    up, down = indicators.crosses_above(quick, steady), indicators.crosses_above(steady, quick)
    assert not (up & down).any()
