"""Sliding windows, compiled. Each answer is computed from its own window alone, in one order of operations.

A running sum would be faster over a whole series, but it carries the rounding of every bar before: the newest row
of a short tail would not be that of the whole series. Here it is, bit for bit. All functions share:

    values   shape (n,); NaN in a window makes its answer NaN, except where said; extremes and ranks expect none
    window   bars, >= 1, the newest included
    first    the first row asked for; the answer has the shape (n - first,), NaN where the window is not full
"""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOAT, FLOATS, INT, kernel

# A spread below this part of the values' own size is rounding, not movement.
FLAT: Final = 1e-9


@kernel(FLOATS, FLOATS, FLOAT)
def quotient(dividend: FloatArray, divisor: FloatArray, otherwise: float) -> FloatArray:
    """Return dividend / divisor, `otherwise` where the divisor is 0 (and NaN where it is NaN)."""
    result = np.empty(dividend.size)
    for i in range(dividend.size):
        result[i] = otherwise if divisor[i] == 0.0 else dividend[i] / divisor[i]
    return result


@kernel(FLOATS)
def changes(values: FloatArray) -> FloatArray:
    """Return values[i] - values[i - 1], shape (n,); the first is NaN."""
    differences = np.full(values.size, np.nan)
    for i in range(1, values.size):
        differences[i] = values[i] - values[i - 1]
    return differences


@kernel(FLOATS)
def log_changes(values: FloatArray) -> FloatArray:
    """Return ln(values[i] / values[i - 1]), shape (n,); the first is NaN."""
    changes = np.full(values.size, np.nan)
    for i in range(1, values.size):
        changes[i] = np.log(values[i] / values[i - 1])
    return changes


@kernel(FLOATS, FLOATS, FLOATS)
def true_ranges(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Return max(high, previous close) - min(low, previous close), shape (n,); the first is NaN. Wilder (1978)."""
    ranges = np.full(close.size, np.nan)
    for i in range(1, close.size):
        ranges[i] = max(high[i], close[i - 1]) - min(low[i], close[i - 1])
    return ranges


@kernel(FLOATS, FLOATS)
def directional_moves(high: FloatArray, low: FloatArray) -> FloatArray:
    """Return Wilder's +DM and -DM, shape (2, n); the first bar's are NaN. Wilder (1978), section IV."""
    moves = np.zeros((2, high.size))
    moves[:, :1] = np.nan
    for i in range(1, high.size):
        up, down = high[i] - high[i - 1], low[i - 1] - low[i]
        if up > max(down, 0.0):
            moves[0, i] = up
        elif down > max(up, 0.0):
            moves[1, i] = down
    return moves


@kernel(FLOATS, INT, INT)
def window_mean(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the mean; exactly the value itself where all are the same."""
    mean = np.full(values.size - first, np.nan)
    for i in range(max(first, window - 1), values.size):
        total = 0.0
        for j in range(i - window + 1, i):
            total += values[j] - values[i]
        mean[i - first] = values[i] + total / window
    return mean


@kernel(FLOATS, INT, INT)
def window_std(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the standard deviation, ddof = 1, in two passes; window >= 2."""
    deviation = np.full(values.size - first, np.nan)
    for i in range(max(first, window - 1), values.size):
        total = 0.0
        for j in range(i - window + 1, i):
            total += values[j] - values[i]
        mean = values[i] + total / window
        squares = 0.0
        for j in range(i - window + 1, i + 1):
            squares += (values[j] - mean) ** 2
        deviation[i - first] = np.sqrt(squares / (window - 1))
    return deviation


@kernel(FLOATS, INT, INT)
def window_mean_deviation(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the mean absolute deviation from the mean."""
    deviation = np.full(values.size - first, np.nan)
    for i in range(max(first, window - 1), values.size):
        total = 0.0
        for j in range(i - window + 1, i):
            total += values[j] - values[i]
        mean = values[i] + total / window
        total = 0.0
        for j in range(i - window + 1, i + 1):
            total += abs(values[j] - mean)
        deviation[i - first] = total / window
    return deviation


@kernel(FLOATS, INT, INT)
def window_skew(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the skewness of the sample, m3 / m2 ** 1.5; 0 where nothing varies."""
    skew = np.full(values.size - first, np.nan)
    for i in range(max(first, window - 1), values.size):
        total = 0.0
        for j in range(i - window + 1, i):
            total += values[j] - values[i]
        mean = values[i] + total / window
        m2 = m3 = 0.0
        for j in range(i - window + 1, i + 1):
            m2 += (values[j] - mean) ** 2 / window
            m3 += (values[j] - mean) ** 3 / window
        skew[i - first] = 0.0 if np.sqrt(m2) <= FLAT * abs(mean) else m3 / m2**1.5
    return skew


@kernel(FLOATS, INT, INT)
def window_max(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the largest value."""
    largest = np.full(values.size - first, np.nan)
    for i in range(max(first, window - 1), values.size):
        best = values[i]
        for j in range(i - window + 1, i):
            best = max(best, values[j])
        largest[i - first] = best
    return largest


@kernel(FLOATS, INT, INT)
def bars_since_max(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return how many bars ago the largest value was, 0 .. window - 1; of equal ones the newest counts."""
    since = np.full(values.size - first, np.nan)
    for i in range(max(first, window - 1), values.size):
        at = i
        for j in range(i - 1, i - window, -1):
            if values[j] > values[at]:
                at = j
        since[i - first] = i - at
    return since


@kernel(FLOATS, INT, INT)
def window_rank(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the newest value's rank in its window, 0 (lowest) .. 1; equal values share theirs; window >= 2."""
    rank = np.full(values.size - first, np.nan)
    for i in range(max(first, window - 1), values.size):
        below = 0.0
        for j in range(i - window + 1, i):
            if values[j] < values[i]:
                below += 1.0
            elif values[j] == values[i]:
                below += 0.5
        rank[i - first] = below / (window - 1)
    return rank


@kernel(FLOATS, FLOAT, INT, INT)
def decayed_mean(values: FloatArray, span: float, window: int, first: int) -> FloatArray:
    """Return the exponential mean that ends at `window` bars: weights (1 - 2 / (span + 1)) ** age, summing to 1."""
    mean = np.full(values.size - first, np.nan)
    keep = 1.0 - 2.0 / (span + 1.0)
    for i in range(max(first, window - 1), values.size):
        total = weights = 0.0
        weight = 1.0
        for j in range(i, i - window, -1):
            total += weight * (values[j] - values[i])
            weights += weight
            weight *= keep
        mean[i - first] = values[i] + total / weights
    return mean


@kernel(FLOATS, FLOATS, INT, INT)
def window_correlation(x: FloatArray, y: FloatArray, window: int, first: int) -> FloatArray:
    """Return Pearson's correlation of x and y; 0 where either does not vary."""
    correlation = np.full(x.size - first, np.nan)
    for i in range(max(first, window - 1), x.size):
        sum_x = sum_y = 0.0
        for j in range(i - window + 1, i):
            sum_x += x[j] - x[i]
            sum_y += y[j] - y[i]
        mean_x, mean_y = x[i] + sum_x / window, y[i] + sum_y / window
        xx = yy = xy = 0.0
        for j in range(i - window + 1, i + 1):
            xx += (x[j] - mean_x) ** 2
            yy += (y[j] - mean_y) ** 2
            xy += (x[j] - mean_x) * (y[j] - mean_y)
        is_flat = np.sqrt(xx / window) <= FLAT * abs(mean_x) or np.sqrt(yy / window) <= FLAT * abs(mean_y)
        correlation[i - first] = 0.0 if is_flat else xy / np.sqrt(xx * yy)
    return correlation


@kernel(FLOATS, INT, INT)
def window_line(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the least-squares line through the values: slope per bar, R squared and the newest value's distance.

    shape (3, n - first); window >= 2. R squared is 0 where nothing varies (a spread below 1e-9: values are logs).
    """
    line = np.full((3, values.size - first), np.nan)
    middle = (window - 1) / 2.0
    xx = window * (window**2 - 1.0) / 12.0
    for i in range(max(first, window - 1), values.size):
        total = 0.0
        for j in range(i - window + 1, i):
            total += values[j] - values[i]
        mean = total / window
        xy = yy = 0.0
        for j in range(i - window + 1, i + 1):
            y = values[j] - values[i] - mean
            xy += (j - i + window - 1 - middle) * y
            yy += y * y
        slope = xy / xx
        line[0, i - first] = slope
        line[1, i - first] = 0.0 if np.sqrt(yy / window) <= FLAT else xy * xy / (xx * yy)
        line[2, i - first] = -mean - slope * middle
    return line


@kernel(FLOATS, INT, INT)
def newest_signal(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the sign of the newest value that is not 0 and its age in bars, shape (2, n - first).

    Sign 0 and age `window` where all are 0.
    """
    signal = np.full((2, values.size - first), np.nan)
    for i in range(max(first, window - 1), values.size):
        age = 0
        while age < window and values[i - age] == 0.0:
            age += 1
        signal[0, i - first] = 0.0 if age == window else np.sign(values[i - age])
        signal[1, i - first] = age
    return signal
