"""Moving average convergence and divergence."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOATS, INT, kernel
from strategy_engine.indicators.ema import EmaStep, ema


class Macd(NamedTuple):
    """line: fast less slow average. signal: the average of the line. histogram: line - signal. Shapes (n,)."""

    line: FloatArray
    signal: FloatArray
    histogram: FloatArray


@kernel(FLOATS, INT, INT, INT)
def macd(values: FloatArray, fast: int, slow: int, signal: int) -> Macd:
    """Return the MACD of `values`, each column of shape (n,), in the unit of `values`.

    values: shape (n,), finite. fast < slow, signal: bars, >= 1. Warm-up: the line is NaN for the first slow -
    1 bars, signal and histogram for signal - 1 more. Formula: line = ema(fast) - ema(slow), where the fast
    average is seeded on the bar of the slow one; signal = ema of the line. Recursive, as `ema` is. Source:
    Appel (1979), "The Moving Average Convergence-Divergence Method"; as in TA-Lib.
    """
    line = np.full(values.size, np.nan)
    if values.size >= slow:
        line[slow - fast :] = ema(values[slow - fast :], fast)
        line -= ema(values, slow)
    average = ema(line, signal)
    return Macd(line, average, line - average)


class MacdStep:
    """`macd`, one value at a time: line, signal and histogram."""

    def __init__(self, fast: int, slow: int, signal: int) -> None:
        self._fast, self._slow, self._signal = EmaStep(fast), EmaStep(slow), EmaStep(signal)
        self._fast_waits = slow - fast

    def step(self, value: float) -> tuple[float, float, float]:
        fast = np.nan
        if self._fast_waits > 0:
            self._fast_waits -= 1
        else:
            fast = self._fast.step(value)
        line = fast - self._slow.step(value)
        signal = self._signal.step(line)
        return line, signal, line - signal
