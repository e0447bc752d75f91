"""The exponential moving average."""

from __future__ import annotations

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOATS, INT, kernel


@kernel(FLOATS, INT)
def ema(values: FloatArray, period: int) -> FloatArray:
    """Return the exponential moving average, shape (n,), in the unit of `values`.

    values: shape (n,), finite but for leading NaN. period: bars, >= 1. Warm-up: NaN for the first period - 1
    values that are there; the next is their plain mean. Formula: previous + 2 / (period + 1) * (value -
    previous). Recursive: it never forgets, but a value's share falls by (period - 1) / (period + 1) a bar.
    Source: Appel (1979), "The Moving Average Convergence-Divergence Method"; seeded as in TA-Lib.
    """
    average = np.full(values.size, np.nan)
    share = 2.0 / (period + 1.0)
    current = 0.0
    count = 0
    for i in range(values.size):
        if np.isnan(values[i]):
            continue
        count += 1
        if count < period:
            current += values[i]
        elif count == period:
            current = (current + values[i]) / period
            average[i] = current
        else:
            current += share * (values[i] - current)
            average[i] = current
    return average


class EmaStep:
    """`ema`, one value at a time."""

    def __init__(self, period: int) -> None:
        self._period = period
        self._share = 2.0 / (period + 1.0)
        self._count = 0
        self._current = 0.0

    def step(self, value: float) -> float:
        if np.isnan(value):
            return np.nan
        self._count += 1
        if self._count < self._period:
            self._current += value
            return np.nan
        if self._count == self._period:
            self._current = (self._current + value) / self._period
        else:
            self._current += self._share * (value - self._current)
        return self._current
