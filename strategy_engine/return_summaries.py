"""One pass over the returns, alone and beside those of a benchmark. Compiled."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numba import types

from market_data.bars import FloatArray
from market_data.kernels import FLOAT, FLOATS, kernel

# Returns come from quotients near 1: a deviation this small beside that is the rounding of equal values.
_ROUNDING: Final = 1e-13
# The same where two equal series were subtracted by their sums of squares.
_RESIDUE: Final = 1e-7
# Products of growth factors are kept apart, as logarithms, beyond these; looked at once in so many bars.
_SMALL: Final = 1e-150
_LARGE: Final = 1e150
_BLOCK: Final = 16
# Percentiles are looked for in so many bins, within so many deviations about the mean.
_BINS: Final = 2_048
_REACH: Final = 4.0


class ReturnSummary(NamedTuple):
    """Figures of n returns over a riskless rate a bar; NaN where n is too small or nothing varies.

    deviation: ddof = 1. downside_deviation: root of the mean of min(return, 0) squared. skewness,
    excess_kurtosis: sample-adjusted (G1 and G2 of Joanes and Gill, 1998). autocorrelation: of lag 1, about one mean.
    gained, lost: sums of the positive and of the negative returns. tail_mean: mean of returns <= the 5th percentile.
    """

    mean: float
    deviation: float
    downside_deviation: float
    skewness: float
    excess_kurtosis: float
    autocorrelation: float
    gained: float
    lost: float
    best: float
    worst: float
    tail_mean: float


class RelativeSummary(NamedTuple):
    """How returns stand to a benchmark's, bar by bar; NaN where the benchmark does not vary.

    beta: covariance / variance of the benchmark. active_deviation: of return - benchmark. up, down:
    mean logarithmic growth a bar of the strategy where the benchmark rose or fell; benchmark_up, -down: its own.
    """

    mean: float
    benchmark_mean: float
    beta: float
    correlation: float
    active_deviation: float
    up: float
    benchmark_up: float
    down: float
    benchmark_down: float


@kernel(FLOATS, FLOAT, FLOAT)
def summarise_returns(returns: FloatArray, riskless: float, tail: float) -> ReturnSummary:
    """Return the summary of simple returns: shape (n,), n >= 1. riskless: a bar. tail: their 5th percentile."""
    n = returns.size
    total = 0.0
    for value in returns:
        total += value
    raw_mean = total / n
    mean = raw_mean - riskless
    second = third = fourth = lagged = downside = gained = lost = tail_sum = before = 0.0
    best, worst = -np.inf, np.inf
    in_tail = 0
    for i in range(n):
        value = returns[i]
        excess, apart = value - riskless, value - raw_mean
        square = apart * apart
        second += square
        third += square * apart
        fourth += square * square
        lagged += apart * before
        before = apart
        gained += max(excess, 0.0)
        fall = min(excess, 0.0)
        lost += fall
        downside += fall * fall
        best, worst = max(best, value), min(worst, value)
        if value <= tail:
            tail_sum += value
            in_tail += 1
    spread = np.sqrt(second / (n - 1)) if n > 1 else np.nan
    if spread <= _ROUNDING * (1.0 + abs(raw_mean)):
        spread = second = 0.0
    g1 = (third / n) / (second / n) ** 1.5
    g2 = (fourth / n) / (second / n) ** 2 - 3.0
    return ReturnSummary(
        mean,
        spread,
        np.sqrt(downside / n),
        g1 * np.sqrt(n * (n - 1.0)) / (n - 2.0),
        ((n + 1.0) * g2 + 6.0) * (n - 1.0) / ((n - 2.0) * (n - 3.0)),
        lagged / second,
        gained,
        lost,
        best,
        worst,
        tail_sum / in_tail,
    )


@kernel(types.float64[::1], types.float64[::1])
def _put_aside(products: FloatArray, logarithms: FloatArray) -> None:
    for k in range(products.size):
        if not _SMALL < products[k] < _LARGE:
            logarithms[k] += np.log(products[k])
            products[k] = 1.0


@kernel(FLOATS, FLOATS)
def summarise_against(returns: FloatArray, benchmark: FloatArray) -> RelativeSummary:
    """Return the summary of returns beside a benchmark's values at the same closes, both of shape (n,), n >= 2.

    A benchmark's first value is where it starts, so bar 0 has no return of it, and is left out on both sides. Sums are
    taken about the first pair, so that equal returns have no spread by rounding.
    """
    n = returns.size - 1
    base, benchmark_base = returns[1], benchmark[1] / benchmark[0] - 1.0
    total = benchmark_total = shared = own = other = 0.0
    # Of bars on which the benchmark falls, stands and rises; indexed, because no processor can guess that branch.
    grown, benchmark_grown, bars = np.ones(3), np.ones(3), np.zeros(3, np.int64)
    logs, benchmark_logs = np.zeros(3), np.zeros(3)
    for start in range(1, n + 1, _BLOCK):
        for i in range(start, min(start + _BLOCK, n + 1)):
            growth = benchmark[i] / benchmark[i - 1]
            apart, benchmark_apart = returns[i] - base, growth - 1.0 - benchmark_base
            total, benchmark_total = total + apart, benchmark_total + benchmark_apart
            shared += apart * benchmark_apart
            own += apart * apart
            other += benchmark_apart * benchmark_apart
            way = 1 + np.int64(growth > 1.0) - np.int64(growth < 1.0)
            grown[way] *= max(1.0 + returns[i], 0.0)
            benchmark_grown[way] *= growth
            bars[way] += 1
        _put_aside(grown, logs)
        _put_aside(benchmark_grown, benchmark_logs)
    mean, benchmark_mean = base + total / n, benchmark_base + benchmark_total / n
    shared -= total * benchmark_total / n
    own -= total * total / n
    other -= benchmark_total * benchmark_total / n
    varies = other > (_ROUNDING * (1.0 + abs(benchmark_mean))) ** 2 * n
    spread = np.sqrt(max(own - 2.0 * shared + other, 0.0) / (n - 1))
    return RelativeSummary(
        mean,
        benchmark_mean,
        shared / other if varies else np.nan,
        shared / np.sqrt(own * other) if varies and own > 0.0 else np.nan,
        spread if spread > _RESIDUE * np.sqrt(own / (n - 1)) + _ROUNDING else 0.0,
        (logs[2] + np.log(grown[2])) / bars[2],
        (benchmark_logs[2] + np.log(benchmark_grown[2])) / bars[2],
        (logs[0] + np.log(grown[0])) / bars[0],
        (benchmark_logs[0] + np.log(benchmark_grown[0])) / bars[0],
    )


@kernel(FLOATS)
def summarise_exposure(exposure: FloatArray) -> tuple[float, float, float]:
    """Return the share of bars with any exposure, the mean and the highest: shape (n,), n >= 1, >= 0."""
    held = 0
    total = highest = 0.0
    for value in exposure:
        held += value > 0.0
        total += value
        highest = max(highest, value)
    return held / exposure.size, total / exposure.size, highest


@kernel(FLOATS)
def tails(values: FloatArray) -> tuple[float, float]:
    """Return the 5th and the 95th percentile, linear between ranks: shape (n,), n >= 1.

    The values are counted in bins about their mean; only those in the bins of the ranks are sorted.
    """
    n = values.size
    total = squares = 0.0
    for value in values:
        total += value
        squares += value * value
    mean = total / n
    spread = np.sqrt(max(squares / n - mean * mean, 0.0))
    lowest, scale = mean - _REACH * spread, _BINS / (2.0 * _REACH * spread) if spread > 0.0 else 0.0
    counts = np.zeros(_BINS, np.int64)
    bins = np.empty(n, np.int16)
    for i in range(n):
        bins[i] = min(max(int((values[i] - lowest) * scale), 0), _BINS - 1)
        counts[bins[i]] += 1
    found = np.empty(2)
    for side in range(2):
        rank = (0.05 if side == 0 else 0.95) * (n - 1)
        whole = int(rank)
        further = min(whole + 1, n - 1)
        first = before = 0  # the bin of `whole`, and how many values are in the bins below it
        while before + counts[first] <= whole:
            before += counts[first]
            first += 1
        last, upto = first, before + counts[first]
        while upto <= further:
            last += 1
            upto += counts[last]
        among = np.empty(upto - before)
        filled = 0
        for i in range(n):
            if first <= bins[i] <= last:
                among[filled] = values[i]
                filled += 1
        among.sort()
        low, high = among[whole - before], among[further - before]
        found[side] = low + (rank - whole) * (high - low)
    return found[0], found[1]


@kernel(FLOATS)
def straightness(logarithms: FloatArray) -> float:
    """Return R squared of a straight line through values at 0, 1, 2 ...; NaN if they do not vary."""
    n = logarithms.size
    middle = (n - 1) / 2.0
    total = 0.0
    for value in logarithms:
        total += value
    mean = total / n
    shared = squares = 0.0
    for i in range(n):
        apart = logarithms[i] - mean
        shared += (i - middle) * apart
        squares += apart * apart
    spread = n * (n * n - 1.0) / 12.0
    return shared * shared / (spread * squares) if squares > (_ROUNDING * (1.0 + abs(mean))) ** 2 * n else np.nan
