"""The simple moving average."""

from __future__ import annotations

from collections import deque

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOATS, INT, kernel


@kernel(FLOATS, INT)
def sma(values: FloatArray, period: int) -> FloatArray:
    """Return the simple moving average, shape (n,), in the unit of `values`.

    values: shape (n,), finite. period: bars, >= 1. Warm-up: the first period - 1 values are NaN; all of them
    if n < period. Formula: sum(values[i - period + 1 .. i]) / period.

    Equal bit for bit to `pandas.Series(values).rolling(period).mean()` for values >= 0: two averages of
    prices quoted in cents often tie, and rounding decides on which bar they cross, so the order of operations
    is part of the result. It is pandas': what leaves the window is subtracted first, then what enters is
    added, each with a Kahan compensation of its own (Kahan 1965, CACM 8(1)), and a window of one repeated
    value has exactly that mean.
    """
    average = np.full(values.size, np.nan)
    total = added_error = removed_error = 0.0
    run_value = np.nan
    run_length = 0
    for i in range(values.size):
        if i >= period:
            term = -values[i - period] - removed_error
            new_total = total + term
            removed_error = new_total - total - term
            total = new_total
        term = values[i] - added_error
        new_total = total + term
        added_error = new_total - total - term
        total = new_total
        run_length = run_length + 1 if values[i] == run_value else 1
        run_value = values[i]
        if i >= period - 1:
            average[i] = run_value if run_length >= period else total / period
    return average


class SmaStep:
    """`sma`, one value at a time."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._window: deque[float] = deque(maxlen=period)
        self._total = self._added_error = self._removed_error = 0.0
        self._run_value = np.nan
        self._run_length = 0

    def step(self, value: float) -> float:
        if len(self._window) == self._period:
            term = -self._window[0] - self._removed_error
            total = self._total + term
            self._removed_error = total - self._total - term
            self._total = total
        term = value - self._added_error
        total = self._total + term
        self._added_error = total - self._total - term
        self._total = total
        self._run_length = self._run_length + 1 if value == self._run_value else 1
        self._run_value = value
        self._window.append(value)
        if len(self._window) < self._period:
            return np.nan
        return self._run_value if self._run_length >= self._period else self._total / self._period
