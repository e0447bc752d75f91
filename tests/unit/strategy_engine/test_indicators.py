from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
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


@pytest.mark.parametrize("indicator", [indicators.sma, indicators.rsi])
def test_an_indicator_of_too_few_values_is_nan_throughout(indicator):
    assert np.isnan(indicator(np.array([1.0, 2.0]), 3)).all()
    assert indicator(np.empty(0), 3).shape == (0,)


@given(all_bars(), PERIODS, st.integers(1, 160))
def test_no_indicator_changes_when_later_bars_arrive(bars, period, known):
    for indicator in (indicators.sma, indicators.rsi):
        assert_array_equal(indicator(bars[:known].close, period), indicator(bars.close, period)[:known])


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
