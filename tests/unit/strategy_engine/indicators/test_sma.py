from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import indicators
from tests.unit.strategy_engine.price_series import all_bars, random_bars

PERIODS = st.integers(1, 40)


def test_sma_of_six_values_by_hand():
    assert_array_equal(indicators.sma(np.array([1.0, 2.0, 3.0, 4.0, 9.0, 2.0]), 3), [np.nan, np.nan, 2, 3, 16 / 3, 5])


@given(all_bars(), PERIODS)
def test_sma_equals_the_rolling_mean_of_pandas_bit_for_bit(bars, period):
    expected = pd.Series(bars.close).rolling(period).mean().to_numpy()
    assert_array_equal(indicators.sma(bars.close, period), expected)


@pytest.mark.parametrize("decimals", [None, 2, 0])
@pytest.mark.parametrize("period", [2, 20, 400])
def test_sma_stays_equal_to_pandas_over_a_long_series(decimals, period):
    values = random_bars(20_000, seed=5, decimals=decimals, step_frac=0.005).close
    assert_array_equal(indicators.sma(values, period), pd.Series(values).rolling(period).mean().to_numpy())


def test_sma_does_not_drift_over_a_hundred_thousand_values():
    values = random_bars(100_000, seed=1, step_frac=0.005).close
    exact = float(sum(map(Fraction, values[-30:].tolist())) / 30)
    assert_allclose(indicators.sma(values, 30)[-1], exact, rtol=1e-14)


@pytest.mark.parametrize("value", [0.1, 12.34, 98.7])
def test_averages_of_a_price_that_stands_still_are_exactly_that_price(value):
    values = np.concatenate((np.linspace(50.0, 60.0, 77), np.full(60, value)))
    for period in (3, 7, 10, 30, 49):
        assert_array_equal(indicators.sma(values, period)[-1], value)
