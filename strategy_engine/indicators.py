"""Indicators: compiled, causal, NaN until every input is there."""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import BoolArray, FloatArray
from market_data.kernels import FLOAT, FLOATS, INT, kernel

# Below this, averages of price changes have decayed so far that their ratio is only rounding noise.
_NO_MOVEMENT: Final = 1e-290


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


@kernel(FLOATS, INT)
def rsi(values: FloatArray, period: int) -> FloatArray:
    """Return the relative strength index, shape (n,), from 0 to 100.

    values: shape (n,), finite. period: bars, >= 1. Warm-up: the first `period` values are NaN; all if n <=
    period. Formula: 100 * gain / (gain + loss), where gain and loss average the rises and falls of `values`:
    first the plain mean of `period` changes, then (previous * (period - 1) + change) / period. 50 where
    nothing has moved at all. Source: Wilder (1978), "New Concepts in Technical Trading Systems", section VI;
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
