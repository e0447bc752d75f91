import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import indicators
from tests.unit.strategy_engine.price_series import all_bars, random_bars

PERIODS = st.integers(1, 40)


def test_rsi_of_six_values_by_hand():
    # Changes +1, -0.5, -1.5, +1, 0. First averages: gain 0.5, loss 0.25; then each is halved and half a
    # change added.
    strength = indicators.rsi(np.array([10.0, 11.0, 10.5, 9.0, 10.0, 10.0]), 2)
    assert_allclose(strength, [np.nan, np.nan, 100 * 2 / 3, 100 * 0.25 / 1.125, 100 * 0.625 / 1.0625, 100 * 10 / 17])


@pytest.mark.parametrize("period", [2, 3, 14, 50])
def test_rsi_equals_that_of_talib(period):
    values = np.array(random_bars(2_000, seed=8, decimals=2).close)
    assert_allclose(indicators.rsi(values, period), talib.RSI(values, period), rtol=1e-10, atol=1e-10)


@given(all_bars(), PERIODS)
def test_rsi_stays_between_0_and_100_once_it_is_there(bars, period):
    strength = indicators.rsi(bars.close, period)
    assert np.isnan(strength[:period]).all()
    assert ((strength[period:] >= 0.0) & (strength[period:] <= 100.0)).all()


def test_rsi_is_50_where_nothing_ever_moved():
    assert_array_equal(indicators.rsi(np.full(6, 7.0), 3), [np.nan, np.nan, np.nan, 50, 50, 50])


def test_rsi_never_signals_in_a_price_that_stands_still_for_years():
    values = np.concatenate(([10.0, 12.0, 11.0, 10.5], np.full(3_000, 10.5)))
    strength = indicators.rsi(values, 2)
    for level in (5.0, 30.0, 49.0):
        assert not indicators.falls_to(strength, level)[5:].any()
