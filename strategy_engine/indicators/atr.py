"""The true range, its average, and the bands that are drawn with it."""

from __future__ import annotations

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOAT, FLOATS, INT, kernel
from strategy_engine.indicators.deviation import Bands
from strategy_engine.indicators.ema import EmaStep, ema


@kernel(FLOATS, FLOATS, FLOATS)
def true_range(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Return the true range, shape (n,), in the unit of the prices.

    high, low, close: shape (n,), finite. Warm-up: the first is NaN, since nothing was before it. Formula:
    max(high[i], close[i-1]) - min(low[i], close[i-1]). Source: Wilder (1978), "New Concepts in Technical
    Trading Systems".
    """
    widest = np.full(close.size, np.nan)
    for i in range(1, close.size):
        widest[i] = max(high[i], close[i - 1]) - min(low[i], close[i - 1])
    return widest


@kernel(FLOATS, FLOATS, FLOATS, INT)
def atr(high: FloatArray, low: FloatArray, close: FloatArray, period: int) -> FloatArray:
    """Return the average true range, shape (n,), in the unit of the prices.

    high, low, close: shape (n,), finite. period: bars, >= 1. Warm-up: the first `period` are NaN, and the
    next is the plain mean of the true ranges since bar 1. Formula: (previous * (period - 1) + true range) /
    period. Recursive: a value's share falls by (period - 1) / period a bar. Source: Wilder (1978), "New
    Concepts in Technical Trading Systems"; as in TA-Lib.
    """
    ranges = true_range(high, low, close)
    average = np.full(close.size, np.nan)
    if close.size <= period:
        return average
    current = 0.0
    for i in range(1, period + 1):
        current += ranges[i]
    current /= period
    average[period] = current
    for i in range(period + 1, close.size):
        current = (current * (period - 1) + ranges[i]) / period
        average[i] = current
    return average


@kernel(FLOATS, FLOATS, FLOATS, INT, INT, FLOAT)
def keltner(  # noqa: PLR0917 -- a kernel takes its arguments by position
    high: FloatArray, low: FloatArray, close: FloatArray, period: int, atr_period: int, width: float
) -> Bands:
    """Return Keltner's channel, each column of shape (n,), in the unit of the prices.

    high, low, close: shape (n,), finite. period, atr_period: bars, >= 1. width: average true ranges, > 0.
    Warm-up: the middle is NaN for period - 1 bars, the channel until the average true range is there, too.
    Formula: middle = ema(close, period); upper, lower = middle +- width * atr(atr_period). Recursive. Source:
    Keltner (1960), "How to Make Money in Commodities", in the form that Raschke gave it with ema and atr.
    """
    middle = ema(close, period)
    distance = width * atr(high, low, close, atr_period)
    return Bands(middle, middle + distance, middle - distance)


class TrueRangeStep:
    """`true_range`, one bar at a time."""

    def __init__(self) -> None:
        self._before = np.nan

    def step(self, high: float, low: float, close: float) -> float:
        before, self._before = self._before, close
        return np.nan if np.isnan(before) else max(high, before) - min(low, before)


class AtrStep:
    """`atr`, one bar at a time."""

    def __init__(self, period: int) -> None:
        self._range = TrueRangeStep()
        self._period = period
        self._count = -1
        self._current = 0.0

    def step(self, high: float, low: float, close: float) -> float:
        widest = self._range.step(high, low, close)
        self._count += 1
        if self._count > self._period:
            self._current = (self._current * (self._period - 1) + widest) / self._period
        elif self._count > 0:
            self._current += widest
            if self._count == self._period:
                self._current /= self._period
        return self._current if self._count >= self._period else np.nan


class KeltnerStep:
    """`keltner`, one bar at a time: middle, upper and lower."""

    def __init__(self, period: int, atr_period: int, width: float) -> None:
        self._average, self._range = EmaStep(period), AtrStep(atr_period)
        self._width = width

    def step(self, high: float, low: float, close: float) -> tuple[float, float, float]:
        middle, distance = self._average.step(close), self._width * self._range.step(high, low, close)
        return middle, middle + distance, middle - distance
