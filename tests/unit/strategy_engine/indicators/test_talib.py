"""The indicators that TA-Lib has, too: the same warm-up, and the same numbers."""

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose

from strategy_engine import indicators
from tests.unit.strategy_engine.price_series import wicked_bars

PERIODS = pytest.mark.parametrize("period", [2, 3, 14, 50])


@pytest.fixture(scope="module", params=[None, 2, 0], ids=["exact", "cents", "whole"])
def bars(request):
    return wicked_bars(2_000, seed=21, decimals=request.param)


def same(ours, theirs):
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def hlc(bars):
    return tuple(np.array(column) for column in (bars.high, bars.low, bars.close))


@PERIODS
def test_ema(bars, period):
    same(indicators.ema(bars.close, period), talib.EMA(np.array(bars.close), period))


@pytest.mark.parametrize("periods", [(12, 26, 9), (3, 10, 16), (2, 3, 1)])
def test_macd_and_its_line_earlier_than_theirs(bars, periods):
    line, signal, histogram = indicators.macd(bars.close, *periods)
    their_line, their_signal, their_histogram = talib.MACD(np.array(bars.close), *periods)
    same(signal, their_signal)
    same(histogram, their_histogram)
    known = ~np.isnan(their_line)
    same(line[known], their_line[known])
    assert np.isnan(line[: periods[1] - 1]).all()
    assert not np.isnan(line[periods[1] - 1 :]).any()


@PERIODS
def test_bollinger(bars, period):
    middle, upper, lower = indicators.bollinger(bars.close, period, 2.5)
    their_upper, their_middle, their_lower = talib.BBANDS(np.array(bars.close), period, 2.5, 2.5)
    assert_allclose(middle, their_middle, rtol=1e-9)
    assert_allclose(upper, their_upper, rtol=1e-7)  # theirs takes a small difference of two large sums
    assert_allclose(lower, their_lower, rtol=1e-7)


@PERIODS
def test_deviation_equals_that_of_pandas(bars, period):
    expected = pd.Series(bars.close).rolling(period).std(ddof=0).to_numpy()
    assert_allclose(indicators.deviation(bars.close, period), expected, rtol=1e-6, atol=1e-7)


def test_true_range(bars):
    same(indicators.true_range(*hlc(bars)), talib.TRANGE(*hlc(bars)))


@pytest.mark.parametrize("period", [1, 2, 3, 14, 50])
def test_atr(bars, period):
    same(indicators.atr(*hlc(bars), period), talib.ATR(*hlc(bars), period))


@PERIODS
def test_directional(bars, period):
    plus, minus, adx = indicators.directional(*hlc(bars), period)
    same(plus, talib.PLUS_DI(*hlc(bars), period))
    same(minus, talib.MINUS_DI(*hlc(bars), period))
    same(adx, talib.ADX(*hlc(bars), period))


@PERIODS
def test_highest_and_lowest(bars, period):
    same(indicators.highest(bars.high, period), talib.MAX(np.array(bars.high), period))
    same(indicators.lowest(bars.low, period), talib.MIN(np.array(bars.low), period))


@PERIODS
def test_change(bars, period):
    same(indicators.change(bars.close, period), talib.ROCP(np.array(bars.close), period))


@PERIODS
def test_keltner_is_made_of_average_and_true_range(bars, period):
    middle, upper, lower = indicators.keltner(*hlc(bars), period, 10, 2.0)
    reach = 2.0 * talib.ATR(*hlc(bars), 10)
    same(middle, talib.EMA(hlc(bars)[2], period))
    same(upper, talib.EMA(hlc(bars)[2], period) + reach)
    same(lower, talib.EMA(hlc(bars)[2], period) - reach)
