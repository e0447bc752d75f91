"""Trading sessions, told from the times of bars alone, and the range of their opening."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.kernels import BOOLS, FLOATS, INT, INTS, kernel
from market_data.timeframe import NS_PER_DAY


class OpeningRange(NamedTuple):
    """high, low: of the session's opening, NaN until that is over. elapsed_ns: since the session's first open."""

    high: FloatArray
    low: FloatArray
    elapsed_ns: IntArray


@kernel(INTS, FLOATS, FLOATS, INT, INT)
def opening_range(time: IntArray, high: FloatArray, low: FloatArray, gap_ns: int, opening_ns: int) -> OpeningRange:
    """Return the range of the opening of each bar's session, each column of shape (n,), prices as given.

    time: int64 ns, the open of each bar; high, low: prices, finite; all of shape (n,). A session begins with
    the first bar, with each that opens more than gap_ns after the one before it, and, in a market that never
    closes, a day after the last one began. Its opening are the bars that open less than opening_ns after it
    does; the range is known from the first bar behind them on.
    Source: Crabel (1990), "Day Trading with Short Term Price Patterns and Opening Range Breakout".
    """
    top, bottom = np.full(time.size, np.nan), np.full(time.size, np.nan)
    elapsed = np.zeros(time.size, np.int64)
    start = 0
    highest = lowest = 0.0
    for i in range(time.size):
        if i == 0 or time[i] - time[i - 1] > gap_ns or time[i] - start >= NS_PER_DAY:
            start, highest, lowest = time[i], high[i], low[i]
        elapsed[i] = time[i] - start
        if elapsed[i] < opening_ns:
            highest, lowest = max(highest, high[i]), min(lowest, low[i])
        else:
            top[i], bottom[i] = highest, lowest
    return OpeningRange(top, bottom, elapsed)


@kernel(BOOLS, INTS)
def first_of_session(flags: BoolArray, elapsed_ns: IntArray) -> BoolArray:
    """Return `flags`, but only the first in each session, shape (n,). elapsed_ns: of `opening_range`, 0 begins one."""
    first = np.zeros(flags.size, np.bool_)
    is_free = True
    for i in range(flags.size):
        if elapsed_ns[i] == 0:
            is_free = True
        if flags[i] and is_free:
            first[i] = True
            is_free = False
    return first


class OpeningRangeStep:
    """`opening_range`, one bar at a time: high, low and the time since the session began."""

    def __init__(self, gap_ns: int, opening_ns: int) -> None:
        self._gap_ns, self._opening_ns = gap_ns, opening_ns
        self._start_ns = self._before_ns = 0
        self._high = self._low = np.nan
        self._has_begun = False

    def step(self, time_ns: int, high: float, low: float) -> tuple[float, float, int]:
        is_new = time_ns - self._before_ns > self._gap_ns or time_ns - self._start_ns >= NS_PER_DAY
        if is_new or not self._has_begun:
            self._start_ns, self._high, self._low, self._has_begun = time_ns, high, low, True
        self._before_ns = time_ns
        elapsed_ns = time_ns - self._start_ns
        if elapsed_ns >= self._opening_ns:
            return self._high, self._low, elapsed_ns
        self._high, self._low = max(self._high, high), min(self._low, low)
        return np.nan, np.nan, elapsed_ns
