"""Directional movement: which way a market goes, and how firmly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOATS, INT, kernel


class Directional(NamedTuple):
    """plus, minus: +DI and -DI. adx: the average directional index. Each of shape (n,), from 0 to 100."""

    plus: FloatArray
    minus: FloatArray
    adx: FloatArray


@kernel(FLOATS, FLOATS, FLOATS, INT)
def directional(high: FloatArray, low: FloatArray, close: FloatArray, period: int) -> Directional:
    """Return Wilder's directional movement, each column of shape (n,), from 0 to 100.

    high, low, close: shape (n,), finite. period: bars, >= 2. Warm-up: +DI and -DI are NaN for the first
    `period` bars, ADX for the first 2 * period - 1. Formula: of the rise of the high and the fall of the low
    the greater, if > 0, is the bar's movement; movements and true ranges are summed over bars 1 .. period -
    1, then sum - sum / period + new. DI = 100 * movement / true range (0 where there is none), DX = 100 * |+DI
    - -DI| / (+DI + -DI), left out where there is no movement; ADX = their mean over `period`, then (previous *
    (period - 1) + DX) / period. Recursive. Source: Wilder (1978), "New Concepts in Technical Trading
    Systems"; as in TA-Lib.
    """
    plus, minus = np.full(close.size, np.nan), np.full(close.size, np.nan)
    adx = np.full(close.size, np.nan)
    up = down = reach = total = current = 0.0
    for i in range(1, close.size):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        kept = 1.0 if i < period else 1.0 - 1.0 / period
        up = up * kept + (rise if rise > 0.0 and rise > fall else 0.0)
        down = down * kept + (fall if fall > 0.0 and fall > rise else 0.0)
        reach = reach * kept + max(high[i], close[i - 1]) - min(low[i], close[i - 1])
        if i < period:
            continue
        plus[i] = 100.0 * up / reach if reach > 0.0 else 0.0
        minus[i] = 100.0 * down / reach if reach > 0.0 else 0.0
        moved = plus[i] + minus[i]
        index = 100.0 * abs(plus[i] - minus[i]) / moved if moved > 0.0 else np.nan
        if i < 2 * period:
            total += 0.0 if np.isnan(index) else index
            current = total / period
        elif not np.isnan(index):
            current = (current * (period - 1) + index) / period
        if i >= 2 * period - 1:
            adx[i] = current
    return Directional(plus, minus, adx)


class DirectionalStep:
    """`directional`, one bar at a time: +DI, -DI and ADX."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._bar = -1
        self._high = self._low = self._close = np.nan
        self._up = self._down = self._reach = self._total = self._current = 0.0

    def step(self, high: float, low: float, close: float) -> tuple[float, float, float]:
        self._bar += 1
        if self._bar > 0:
            self._move(high, low)
        self._high, self._low, self._close = high, low, close
        if self._bar < self._period:
            return np.nan, np.nan, np.nan
        plus, minus = (100.0 * moved / self._reach if self._reach > 0.0 else 0.0 for moved in (self._up, self._down))
        self._average(plus, minus)
        return plus, minus, self._current if self._bar >= 2 * self._period - 1 else np.nan

    def _move(self, high: float, low: float) -> None:
        rise, fall = high - self._high, self._low - low
        kept = 1.0 if self._bar < self._period else 1.0 - 1.0 / self._period
        self._up = self._up * kept + (rise if rise > 0.0 and rise > fall else 0.0)
        self._down = self._down * kept + (fall if fall > 0.0 and fall > rise else 0.0)
        self._reach = self._reach * kept + max(high, self._close) - min(low, self._close)

    def _average(self, plus: float, minus: float) -> None:
        moved = plus + minus
        index = 100.0 * abs(plus - minus) / moved if moved > 0.0 else None
        if self._bar < 2 * self._period:
            self._total += index or 0.0
            self._current = self._total / self._period
        elif index is not None:
            self._current = (self._current * (self._period - 1) + index) / self._period
