"""How one price follows another, and how far it has strayed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOAT, FLOATS, INT, kernel

# Residuals below this fraction of the variance that they are left of are rounding noise.
_NOISE: Final = 1e-24


class Hedge(NamedTuple):
    """ratio: how much of x goes with one of y. zscore: deviations that y is off. Each of shape (n,)."""

    ratio: FloatArray
    zscore: FloatArray


@kernel(FLOATS, FLOATS, INT)
def hedge(y: FloatArray, x: FloatArray, period: int) -> Hedge:
    """Return the rolling regression of y on x: its slope, and its last residual in deviations.

    y, x: shape (n,), finite but for NaN, which makes every window with it NaN. period: bars, >= 3. Warm-up:
    the first period - 1 are NaN. Formula: over the window that ends with this bar, ratio = cov(x, y) / var(x),
    residual = y - mean(y) - ratio * (x - mean(x)), zscore = the last residual / sqrt(mean(residual^2)). Both
    are NaN where x does not vary, zscore where y fits without a rest. In two passes, so that nothing before
    the window matters. Source: Engle and Granger (1987), "Co-integration and Error Correction", Econometrica
    55(2): the first of their two steps.
    """
    ratio, zscore = np.full(y.size, np.nan), np.full(y.size, np.nan)
    for i in range(period - 1, y.size):
        first = i - period + 1
        y_mean = x_mean = 0.0
        for k in range(first, i + 1):
            y_mean += (y[k] - y[first]) / period
            x_mean += (x[k] - x[first]) / period
        xx = xy = yy = 0.0
        for k in range(first, i + 1):
            dy, dx = y[k] - y[first] - y_mean, x[k] - x[first] - x_mean
            xx += dx * dx
            xy += dx * dy
            yy += dy * dy
        if not xx > 0.0:
            continue
        ratio[i] = xy / xx
        rest = 0.0
        for k in range(first, i + 1):
            off = y[k] - y[first] - y_mean - ratio[i] * (x[k] - x[first] - x_mean)
            rest += off * off
        if rest > _NOISE * yy:
            off = y[i] - y[first] - y_mean - ratio[i] * (x[i] - x[first] - x_mean)
            zscore[i] = off / np.sqrt(rest / period)
    return Hedge(ratio, zscore)


@kernel(FLOATS, FLOAT, FLOAT, FLOAT)
def reversion_side(zscore: FloatArray, entry: float, leave: float, stop: float) -> FloatArray:
    """Return the side of a bet on return to the mean, shape (n,): 1.0 long, -1.0 short, 0.0 none.

    zscore: shape (n,); on NaN the side stays. leave < entry < stop: deviations. From 0 to -1 where zscore is at or
    above entry and below stop, from 0 to 1 in the mirror image; back to 0 at or within `leave` of the other
    direction's sign, or at stop and beyond. After a stop nothing is entered until zscore was within `leave`
    of 0 once.
    """
    side = np.zeros(zscore.size)
    now = 0.0
    is_armed = True
    for i in range(zscore.size):
        off = zscore[i]
        if now != 0.0:
            if -now * off >= stop:
                now, is_armed = 0.0, False
            elif -now * off <= leave:
                now = 0.0
        elif abs(off) <= leave:
            is_armed = True
        elif is_armed and entry <= abs(off) < stop:
            now = -1.0 if off > 0.0 else 1.0
        side[i] = now
    return side


class HedgeStep:
    """`hedge`, one pair of values at a time: ratio and zscore."""

    def __init__(self, period: int) -> None:
        self._window: deque[tuple[float, float]] = deque(maxlen=period)
        self._period = period

    def step(self, y: float, x: float) -> tuple[float, float]:
        self._window.append((y, x))
        if len(self._window) < self._period:
            return np.nan, np.nan
        y0, x0 = self._window[0]
        y_mean = x_mean = 0.0
        for each_y, each_x in self._window:
            y_mean += (each_y - y0) / self._period
            x_mean += (each_x - x0) / self._period
        off = [(each_y - y0 - y_mean, each_x - x0 - x_mean) for each_y, each_x in self._window]
        xx, xy, yy = _sum(dx * dx for _, dx in off), _sum(dx * dy for dy, dx in off), _sum(dy * dy for dy, _ in off)
        if not xx > 0.0:
            return np.nan, np.nan
        ratio = xy / xx
        rests = [dy - ratio * dx for dy, dx in off]
        rest = _sum(each * each for each in rests)
        return ratio, rests[-1] / math.sqrt(rest / self._period) if rest > _NOISE * yy else np.nan


def _sum(terms: Iterable[float]) -> float:
    """Return the plain sum, in order; Python's own compensates from 3.12 on."""
    total = 0.0
    for term in terms:
        total += term
    return total


class ReversionSideStep:
    """`reversion_side`, one value at a time."""

    def __init__(self, entry: float, leave: float, stop: float) -> None:
        self._entry, self._leave, self._stop = entry, leave, stop
        self._side = 0.0
        self._is_armed = True

    def step(self, zscore: float) -> float:
        against = -self._side * zscore
        if self._side != 0.0:
            if against >= self._stop:
                self._side, self._is_armed = 0.0, False
            elif against <= self._leave:
                self._side = 0.0
        elif abs(zscore) <= self._leave:
            self._is_armed = True
        elif self._is_armed and self._entry <= abs(zscore) < self._stop:
            self._side = -1.0 if zscore > 0.0 else 1.0
        return self._side
