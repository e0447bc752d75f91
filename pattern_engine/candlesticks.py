"""The 61 candlestick functions of TA-Lib, run over the newest bars alone and still exact.

TA-Lib judges "long", "short" or "near" by running averages. They span at most 10 candles, so in exact
arithmetic 14 earlier bars decide everything. In floating point a running sum also carries the rounding of
all bars since the call's first one, and prices on a tick grid tie often enough for that to flip an answer.
So each call starts at a fixed place of the series, whatever is asked for:

1. The series is cut into segments of SEGMENT_BARS bars, counted from its first bar.
2. A segment is computed by one call that begins WARM_UP_BARS bars before it.
3. Only the segments that are asked for are computed.

So the newest few bars cost one short call, or two, however long the series is, and answer as the whole does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from inspect import unwrap
from typing import Final

import numpy as np
import talib

from market_data.bars import Bars
from pattern_engine.catalogue import PATTERNS
from pattern_engine.names import PatternName
from pattern_engine.native_calls import Columns, SignalArray, find_detectors

Search = Callable[[Columns, int, int], SignalArray]

# The longest look-back of the 61 functions, that of the five-candle patterns.
WARM_UP_BARS: Final = 14
# A call costs as much as some bars: longer segments slow the newest bars, shorter ones slow whole series.
SEGMENT_BARS: Final = 128


def signals(bars: Bars, names: Sequence[PatternName], *, first_bar: int) -> SignalArray:
    """Return TA-Lib's outputs from bar `first_bar` on, one row a name; 0 where there is nothing.

    shape (len(names), len(bars) - first_bar), values -200, -100, -80, 0, 80, 100, 200 (see `match.Match`).
    """
    found = np.zeros((len(names), len(bars) - first_bar), dtype=np.int32)
    search = search_of(tuple(names))
    columns = (bars.open, bars.high, bars.low, bars.close)
    for start, end in _segments(first_bar, len(bars)):
        call_start = max(0, start - WARM_UP_BARS)
        wanted_start = max(start, first_bar)
        outputs = search(columns, call_start, end)
        found[:, wanted_start - first_bar : end - first_bar] = outputs[:, wanted_start - call_start :]
    return found


@lru_cache(maxsize=64)
def search_of(names: tuple[PatternName, ...]) -> Search:
    """Return what calls these functions once each, over the bars [start, end) of open, high, low and close.

    Its answer has the shape (len(names), end - start).
    """
    detectors = find_detectors([PATTERNS[name].talib_function for name in names])
    return wrapped_search_of(names) if detectors is None else detectors.search


def wrapped_search_of(names: Sequence[PatternName]) -> Search:
    """Return the same by way of TA-Lib's Python functions."""
    # TA-Lib wraps its functions once more to take frames, which is left out here.
    functions = [unwrap(getattr(talib, PATTERNS[name].talib_function)) for name in names]

    def search(columns: Columns, start: int, end: int) -> SignalArray:
        found = np.zeros((len(functions), end - start), dtype=np.int32)
        asked = [column[start:end] for column in columns]
        for row, function in enumerate(functions):
            found[row] = function(*asked)
        return found

    return search


def _segments(first_bar: int, n_bars: int) -> Iterator[tuple[int, int]]:
    for start in range(first_bar - first_bar % SEGMENT_BARS, n_bars, SEGMENT_BARS):
        yield start, min(start + SEGMENT_BARS, n_bars)
