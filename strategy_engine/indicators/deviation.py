"""The standard deviation over a window, and the bands that are drawn with it."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOAT, FLOATS, INT, kernel
from strategy_engine.indicators.sma import SmaStep, sma


class Bands(NamedTuple):
    """A middle line and one at the same distance on either side of it, each of shape (n,)."""

    middle: FloatArray
    upper: FloatArray
    lower: FloatArray


@kernel(FLOATS, INT)
def deviation(values: FloatArray, period: int) -> FloatArray:
    """Return the standard deviation (ddof = 0) of each window, shape (n,), in the unit of `values`.

    values: shape (n,), finite. period: bars, >= 1. Warm-up: the first period - 1 are NaN. Formula:
    sqrt(mean((v - mean(v))^2)) over values[i - period + 1 .. i], in two passes over the differences to the
    window's first value. So it depends on nothing before its window, and is exactly 0 where nothing moves.
    """
    spread = np.full(values.size, np.nan)
    for i in range(period - 1, values.size):
        base = values[i - period + 1]
        total = 0.0
        for k in range(i - period + 1, i + 1):
            total += values[k] - base
        mean = total / period
        squares = 0.0
        for k in range(i - period + 1, i + 1):
            off = values[k] - base - mean
            squares += off * off
        spread[i] = np.sqrt(squares / period)
    return spread


@kernel(FLOATS, INT, FLOAT)
def bollinger(values: FloatArray, period: int, width: float) -> Bands:
    """Return Bollinger's bands of `values`, each column of shape (n,), in the unit of `values`.

    values: shape (n,), finite. period: bars, >= 1. width: deviations, > 0. Warm-up: the first period - 1 are
    NaN. Formula: middle = sma; upper, lower = middle +- width * deviation(ddof = 0). Source: Bollinger
    (2001), "Bollinger on Bollinger Bands"; as in TA-Lib.
    """
    middle = sma(values, period)
    distance = width * deviation(values, period)
    return Bands(middle, middle + distance, middle - distance)


class DeviationStep:
    """`deviation`, one value at a time."""

    def __init__(self, period: int) -> None:
        self._window: deque[float] = deque(maxlen=period)
        self._period = period

    def step(self, value: float) -> float:
        self._window.append(value)
        if len(self._window) < self._period:
            return np.nan
        base = self._window[0]
        total = squares = 0.0
        for each in self._window:
            total += each - base
        mean = total / self._period
        for each in self._window:
            off = each - base - mean
            squares += off * off
        return math.sqrt(squares / self._period)


class BollingerStep:
    """`bollinger`, one value at a time: middle, upper and lower."""

    def __init__(self, period: int, width: float) -> None:
        self._average, self._deviation = SmaStep(period), DeviationStep(period)
        self._width = width

    def step(self, value: float) -> tuple[float, float, float]:
        middle, distance = self._average.step(value), self._width * self._deviation.step(value)
        return middle, middle + distance, middle - distance
