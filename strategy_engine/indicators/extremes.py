"""The highest and the lowest of a window: Donchian's channel."""

from __future__ import annotations

from collections import deque

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOATS, INT, kernel


@kernel(FLOATS, INT)
def highest(values: FloatArray, period: int) -> FloatArray:
    """Return the highest of the last `period` values, this one included: shape (n,), in the unit of `values`.

    values: shape (n,), finite. period: bars, >= 1. Warm-up: the first period - 1 are NaN. Source: Donchian
    (1960), "High Finance in Copper", Financial Analysts Journal 16(6), whose channel this is the top of.
    """
    top = np.full(values.size, np.nan)
    at = 0
    for i in range(values.size):
        if values[i] >= values[at]:
            at = i
        if i - at >= period:  # it has left the window
            at = i - period + 1
            for k in range(at + 1, i + 1):
                if values[k] >= values[at]:
                    at = k
        if i >= period - 1:
            top[i] = values[at]
    return top


@kernel(FLOATS, INT)
def lowest(values: FloatArray, period: int) -> FloatArray:
    """Return the lowest of the last `period` values, this one included; see `highest`."""
    return -highest(-values, period)


class HighestStep:
    """`highest`, one value at a time."""

    def __init__(self, period: int) -> None:
        self._window: deque[float] = deque(maxlen=period)
        self._period = period

    def step(self, value: float) -> float:
        self._window.append(value)
        return max(self._window) if len(self._window) == self._period else np.nan


class LowestStep:
    """`lowest`, one value at a time."""

    def __init__(self, period: int) -> None:
        self._window: deque[float] = deque(maxlen=period)
        self._period = period

    def step(self, value: float) -> float:
        self._window.append(value)
        return min(self._window) if len(self._window) == self._period else np.nan
