"""A trailing line that changes sides."""

from __future__ import annotations

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOAT, FLOATS, INT, kernel
from strategy_engine.indicators.atr import AtrStep, atr


@kernel(FLOATS, FLOATS, FLOATS, INT, FLOAT)
def supertrend(high: FloatArray, low: FloatArray, close: FloatArray, period: int, width: float) -> FloatArray:
    """Return the side of the market, shape (n,): 1.0 above its trailing line, -1.0 below, NaN until known.

    high, low, close: shape (n,), finite. period: bars of the average true range, >= 1. width: average true
    ranges, > 0. Warm-up: NaN for the first `period` bars, and then until a close first leaves the band. Formula:
    two lines at (high + low) / 2 +- width * atr; the upper one only falls while closes stay below it, the lower
    one only rises while they stay above; a close beyond the upper one before it turns the side to 1, beyond the
    lower to -1. Recursive. Source: the Supertrend of Olivier Seban.
    """
    side = np.full(close.size, np.nan)
    reach = atr(high, low, close, period)
    now = upper = lower = np.nan
    for i in range(period, close.size):
        middle = (high[i] + low[i]) / 2.0
        if close[i] > upper:
            now = 1.0
        elif close[i] < lower:
            now = -1.0
        # A band that was left starts anew; where there was none yet, each comparison with NaN starts it.
        top, bottom = middle + width * reach[i], middle - width * reach[i]
        upper = upper if upper < top and close[i - 1] <= upper and close[i] <= upper else top
        lower = lower if lower > bottom and close[i - 1] >= lower and close[i] >= lower else bottom
        side[i] = now
    return side


class SupertrendStep:
    """`supertrend`, one bar at a time."""

    def __init__(self, period: int, width: float) -> None:
        self._range = AtrStep(period)
        self._width = width
        self._side = self._upper = self._lower = self._before = np.nan

    def step(self, high: float, low: float, close: float) -> float:
        reach = self._range.step(high, low, close)
        before, self._before = self._before, close
        if np.isnan(reach):
            return np.nan
        if close > self._upper:
            self._side = 1.0
        elif close < self._lower:
            self._side = -1.0
        middle = (high + low) / 2.0
        top, bottom = middle + self._width * reach, middle - self._width * reach
        keeps_upper = self._upper < top and before <= self._upper and close <= self._upper
        keeps_lower = self._lower > bottom and before >= self._lower and close >= self._lower
        self._upper = self._upper if keeps_upper else top
        self._lower = self._lower if keeps_lower else bottom
        return self._side
