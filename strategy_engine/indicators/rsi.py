"""The relative strength index."""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOATS, INT, kernel

# Below this, averages of price changes have decayed so far that their ratio is only rounding noise.
_NO_MOVEMENT: Final = 1e-290


@kernel(FLOATS, INT)
def rsi(values: FloatArray, period: int) -> FloatArray:
    """Return the relative strength index, shape (n,), from 0 to 100.

    values: shape (n,), finite. period: bars, >= 1. Warm-up: the first `period` values are NaN; all if n <=
    period. Formula: 100 * gain / (gain + loss), where gain and loss average the rises and falls of `values`:
    first the plain mean of `period` changes, then (previous * (period - 1) + change) / period. 50 where
    nothing has moved at all. Source: Wilder (1978), "New Concepts in Technical Trading Systems";
    as TA-Lib, except for that 50.
    """
    strength = np.full(values.size, np.nan)
    if values.size <= period:
        return strength
    gain = loss = 0.0
    for i in range(1, values.size):
        change = values[i] - values[i - 1]
        if i <= period:
            gain += max(change, 0.0) / period
            loss += max(-change, 0.0) / period
        else:
            gain = (gain * (period - 1) + max(change, 0.0)) / period
            loss = (loss * (period - 1) + max(-change, 0.0)) / period
        if i >= period:
            movement = gain + loss
            strength[i] = 100.0 * (gain / movement) if movement > _NO_MOVEMENT else 50.0
    return strength


class RsiStep:
    """`rsi`, one value at a time."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._count = 0
        self._before = np.nan
        self._gain = self._loss = 0.0

    def step(self, value: float) -> float:
        change, self._before = value - self._before, value
        self._count += 1
        if self._count == 1:
            return np.nan
        if self._count <= self._period + 1:
            self._gain += max(change, 0.0) / self._period
            self._loss += max(-change, 0.0) / self._period
        else:
            self._gain = (self._gain * (self._period - 1) + max(change, 0.0)) / self._period
            self._loss = (self._loss * (self._period - 1) + max(-change, 0.0)) / self._period
        if self._count <= self._period:
            return np.nan
        movement = self._gain + self._loss
        return 100.0 * (self._gain / movement) if movement > _NO_MOVEMENT else 50.0
