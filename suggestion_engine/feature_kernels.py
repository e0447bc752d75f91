"""Sliding windows over many series at once, compiled. Each answer is computed from its own window alone.

A running sum would be faster over a whole series, but it carries the rounding of every bar before: the newest row
of a short tail would not be that of the whole series. Here it is, bit for bit: each window is gone through in one
order of operations, the oldest bar first. The loops over its bars stand outside those over rows, so that a processor
goes through several rows' windows at a time; no row's own order changes by that. All functions share:

    values   shape (s, n), s series of one length; NaN in a window makes its answer NaN, except where said; extremes
             and ranks expect none
    window   bars, >= 1, the newest included
    first    the first row asked for; the answer has the shape (s, n - first), NaN where the window is not full
"""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import FLOAT, FLOATS, INT, MATRIX, kernel

# A spread below this part of the values' own size is rounding, not movement.
FLAT: Final = 1e-9


@kernel(MATRIX)
def log_changes(values: FloatArray) -> FloatArray:
    """Return ln(values[i] / values[i - 1]), shape (s, n); the first is NaN."""
    changes = np.full(values.shape, np.nan)
    for s in range(values.shape[0]):
        for i in range(1, values.shape[1]):
            changes[s, i] = np.log(values[s, i] / values[s, i - 1])
    return changes


@kernel(MATRIX, MATRIX, MATRIX)
def true_ranges(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Return max(high, previous close) - min(low, previous close), shape (s, n); the first is NaN. Wilder (1978)."""
    ranges = np.full(close.shape, np.nan)
    for s in range(close.shape[0]):
        for i in range(1, close.shape[1]):
            ranges[s, i] = max(high[s, i], close[s, i - 1]) - min(low[s, i], close[s, i - 1])
    return ranges


@kernel(MATRIX, MATRIX)
def directional_moves(high: FloatArray, low: FloatArray) -> FloatArray:
    """Return Wilder's +DM and -DM, shape (2, s, n); the first bar's are NaN. Wilder (1978), section IV."""
    moves = np.zeros((2, *high.shape))
    moves[:, :, :1] = np.nan
    for s in range(high.shape[0]):
        for i in range(1, high.shape[1]):
            up, down = high[s, i] - high[s, i - 1], low[s, i - 1] - low[s, i]
            if up > max(down, 0.0):
                moves[0, s, i] = up
            elif down > max(up, 0.0):
                moves[1, s, i] = down
    return moves


@kernel(FLOATS, INT, INT)
def _mean_of(own: FloatArray, window: int, start: int) -> FloatArray:
    """Return the mean of one series' windows that end at `start` and after it; window - 1 <= start."""
    newest = own[start:]
    mean = np.zeros(newest.size)
    for k in range(window - 1):
        older = own[start - window + 1 + k :]
        for i in range(mean.size):
            mean[i] += older[i] - newest[i]
    for i in range(mean.size):
        mean[i] = newest[i] + mean[i] / window
    return mean


@kernel(MATRIX, INT, INT)
def window_mean(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the mean; exactly the value itself where all are the same."""
    mean = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start < values.shape[1]:
        for s in range(values.shape[0]):
            mean[s, start - first :] = _mean_of(values[s], window, start)
    return mean


@kernel(MATRIX, INT, INT)
def window_std(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the standard deviation, ddof = 1, in two passes; window >= 2."""
    deviation = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return deviation
    for s in range(values.shape[0]):
        mean = _mean_of(values[s], window, start)
        squares = np.zeros(mean.size)
        for k in range(window):
            older = values[s, start - window + 1 + k :]
            for i in range(mean.size):
                squares[i] += (older[i] - mean[i]) ** 2
        for i in range(mean.size):
            deviation[s, start - first + i] = np.sqrt(squares[i] / (window - 1))
    return deviation


@kernel(MATRIX, INT, INT)
def window_mean_deviation(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the mean absolute deviation from the mean."""
    deviation = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return deviation
    for s in range(values.shape[0]):
        mean = _mean_of(values[s], window, start)
        total = np.zeros(mean.size)
        for k in range(window):
            older = values[s, start - window + 1 + k :]
            for i in range(mean.size):
                total[i] += abs(older[i] - mean[i])
        for i in range(mean.size):
            deviation[s, start - first + i] = total[i] / window
    return deviation


@kernel(MATRIX, INT, INT)
def window_skew(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the skewness of the sample, m3 / m2 ** 1.5; 0 where nothing varies."""
    skew = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return skew
    for s in range(values.shape[0]):
        mean = _mean_of(values[s], window, start)
        m2, m3 = np.zeros(mean.size), np.zeros(mean.size)
        for k in range(window):
            older = values[s, start - window + 1 + k :]
            for i in range(mean.size):
                m2[i] += (older[i] - mean[i]) ** 2 / window
                m3[i] += (older[i] - mean[i]) ** 3 / window
        for i in range(mean.size):
            is_flat = np.sqrt(m2[i]) <= FLAT * abs(mean[i])
            skew[s, start - first + i] = 0.0 if is_flat else m3[i] / m2[i] ** 1.5
    return skew


@kernel(MATRIX, INT, INT)
def window_max(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the largest value."""
    largest = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return largest
    for s in range(values.shape[0]):
        best = largest[s, start - first :]
        best[:] = values[s, start:]
        for k in range(window - 1):
            older = values[s, start - window + 1 + k :]
            for i in range(best.size):
                best[i] = max(best[i], older[i])
    return largest


@kernel(MATRIX, INT, INT)
def bars_since_max(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return how many bars ago the largest value was, 0 .. window - 1; of equal ones the newest counts."""
    since = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return since
    for s in range(values.shape[0]):
        best, age = values[s, start:].copy(), since[s, start - first :]
        age[:] = 0.0
        for n_bars in range(1, window):
            older = values[s, start - n_bars :]
            for i in range(best.size):
                if older[i] > best[i]:
                    best[i] = older[i]
                    age[i] = n_bars
    return since


@kernel(MATRIX, INT, INT)
def window_rank(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the newest value's rank in its window, 0 (lowest) .. 1; equal values share theirs; window >= 2."""
    rank = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return rank
    for s in range(values.shape[0]):
        newest, below = values[s, start:], rank[s, start - first :]
        below[:] = 0.0
        for k in range(window - 1):
            older = values[s, start - window + 1 + k :]
            for i in range(below.size):
                below[i] += 1.0 if older[i] < newest[i] else (0.5 if older[i] == newest[i] else 0.0)
        for i in range(below.size):
            below[i] /= window - 1
    return rank


@kernel(MATRIX, FLOAT, INT, INT)
def decayed_mean(values: FloatArray, span: float, window: int, first: int) -> FloatArray:
    """Return the exponential mean that ends at `window` bars: weights (1 - 2 / (span + 1)) ** age, summing to 1."""
    mean = np.full((values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return mean
    keep = 1.0 - 2.0 / (span + 1.0)
    for s in range(values.shape[0]):
        newest, total = values[s, start:], mean[s, start - first :]
        total[:] = 0.0
        weight, weights = 1.0, 0.0
        for age in range(window):
            older = values[s, start - age :]
            for i in range(total.size):
                total[i] += weight * (older[i] - newest[i])
            weights += weight
            weight *= keep
        for i in range(total.size):
            total[i] = newest[i] + total[i] / weights
    return mean


@kernel(MATRIX, MATRIX, INT, INT)
def window_correlation(x: FloatArray, y: FloatArray, window: int, first: int) -> FloatArray:
    """Return Pearson's correlation of x and y; 0 where either does not vary."""
    correlation = np.full((x.shape[0], x.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= x.shape[1]:
        return correlation
    for s in range(x.shape[0]):
        mean_x, mean_y = _mean_of(x[s], window, start), _mean_of(y[s], window, start)
        xx, yy, xy = np.zeros(mean_x.size), np.zeros(mean_x.size), np.zeros(mean_x.size)
        for k in range(window):
            older_x, older_y = x[s, start - window + 1 + k :], y[s, start - window + 1 + k :]
            for i in range(xx.size):
                xx[i] += (older_x[i] - mean_x[i]) ** 2
                yy[i] += (older_y[i] - mean_y[i]) ** 2
                xy[i] += (older_x[i] - mean_x[i]) * (older_y[i] - mean_y[i])
        for i in range(xx.size):
            is_flat_x = np.sqrt(xx[i] / window) <= FLAT * abs(mean_x[i])
            is_flat_y = np.sqrt(yy[i] / window) <= FLAT * abs(mean_y[i])
            correlation[s, start - first + i] = 0.0 if is_flat_x or is_flat_y else xy[i] / np.sqrt(xx[i] * yy[i])
    return correlation


@kernel(MATRIX, INT, INT)
def window_line(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the least-squares line through the values: slope per bar, R squared and the newest value's distance.

    shape (3, s, n - first); window >= 2. R squared is 0 where nothing varies (a spread below 1e-9: values are logs).
    """
    line = np.full((3, values.shape[0], values.shape[1] - first), np.nan)
    start = max(first, window - 1)
    if start >= values.shape[1]:
        return line
    middle = (window - 1) / 2.0
    xx = window * (window**2 - 1.0) / 12.0
    for s in range(values.shape[0]):
        newest = values[s, start:]
        mean, xy, yy = np.zeros(newest.size), np.zeros(newest.size), np.zeros(newest.size)
        for k in range(window - 1):
            older = values[s, start - window + 1 + k :]
            for i in range(mean.size):
                mean[i] += older[i] - newest[i]
        for i in range(mean.size):
            mean[i] /= window
        for k in range(window):
            older = values[s, start - window + 1 + k :]
            for i in range(mean.size):
                y = older[i] - newest[i] - mean[i]
                xy[i] += (k - middle) * y
                yy[i] += y * y
        for i in range(mean.size):
            slope = xy[i] / xx
            line[0, s, start - first + i] = slope
            is_flat = np.sqrt(yy[i] / window) <= FLAT
            line[1, s, start - first + i] = 0.0 if is_flat else xy[i] * xy[i] / (xx * yy[i])
            line[2, s, start - first + i] = -mean[i] - slope * middle
    return line


@kernel(MATRIX, INT, INT)
def newest_signal(values: FloatArray, window: int, first: int) -> FloatArray:
    """Return the sign of the newest value that is not 0 and its age in bars, shape (2, s, n - first).

    Sign 0 and age `window` where all are 0.
    """
    signal = np.full((2, values.shape[0], values.shape[1] - first), np.nan)
    for s in range(values.shape[0]):
        for i in range(max(first, window - 1), values.shape[1]):
            age = 0
            while age < window and values[s, i - age] == 0.0:
                age += 1
            signal[0, s, i - first] = 0.0 if age == window else np.sign(values[s, i - age])
            signal[1, s, i - first] = age
    return signal
