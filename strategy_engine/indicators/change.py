"""The change over some bars."""

from __future__ import annotations

from collections import deque

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOATS, INT, kernel


@kernel(FLOATS, INT)
def change(values: FloatArray, period: int) -> FloatArray:
    """Return the change over `period` bars, shape (n,), as a fraction (0.01 = 1 %).

    values: shape (n,), finite and > 0. period: bars, >= 1. Warm-up: the first `period` are NaN. Formula:
    values[i] / values[i - period] - 1.
    """
    gained = np.full(values.size, np.nan)
    for i in range(period, values.size):
        gained[i] = values[i] / values[i - period] - 1.0
    return gained


@kernel(FLOATS, INT)
def before(values: FloatArray, bars: int) -> FloatArray:
    """Return what `values` was `bars` >= 0 bars ago, shape (n,); the first `bars` are NaN."""
    earlier = np.full(values.size, np.nan)
    for i in range(bars, values.size):
        earlier[i] = values[i - bars]
    return earlier


class ChangeStep:
    """`change`, one value at a time."""

    def __init__(self, period: int) -> None:
        self._window: deque[float] = deque(maxlen=period + 1)
        self._period = period

    def step(self, value: float) -> float:
        self._window.append(value)
        return value / self._window[0] - 1.0 if len(self._window) > self._period else np.nan


class BeforeStep:
    """`before`, one value at a time."""

    def __init__(self, bars: int) -> None:
        self._window: deque[float] = deque(maxlen=bars + 1)
        self._bars = bars

    def step(self, value: float) -> float:
        self._window.append(value)
        return self._window[0] if len(self._window) > self._bars else np.nan
