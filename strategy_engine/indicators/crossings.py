"""Where one series meets another, or a level."""

from __future__ import annotations

import numpy as np

from market_data.bars import BoolArray, FloatArray
from market_data.kernels import FLOAT, FLOATS, kernel


@kernel(FLOATS, FLOATS)
def crosses_above(series: FloatArray, other: FloatArray) -> BoolArray:
    """Return where `series` rises above `other`, shape (n,): at or below it one bar before, above it now.

    series, other: both of shape (n,). NaN compares False, so nothing crosses before both are there. Formula:
    series[i-1] <= other[i-1] and series[i] > other[i].
    """
    crossed = np.zeros(series.size, np.bool_)
    for i in range(1, series.size):
        crossed[i] = (series[i - 1] <= other[i - 1]) & (series[i] > other[i])
    return crossed


@kernel(FLOATS, FLOAT)
def rises_to(series: FloatArray, level: float) -> BoolArray:
    """Return where `series` comes up to `level`, shape (n,): below it one bar before, at or above now."""
    reached = np.zeros(series.size, np.bool_)
    for i in range(1, series.size):
        reached[i] = (series[i - 1] < level) & (series[i] >= level)
    return reached


@kernel(FLOATS, FLOAT)
def falls_to(series: FloatArray, level: float) -> BoolArray:
    """Return where `series` comes down to `level`, shape (n,): above it one bar before, at or below now."""
    reached = np.zeros(series.size, np.bool_)
    for i in range(1, series.size):
        reached[i] = (series[i - 1] > level) & (series[i] <= level)
    return reached
