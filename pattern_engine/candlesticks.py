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

from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import unwrap
from types import MappingProxyType
from typing import Final

import numpy as np
import talib
from numpy.typing import NDArray

from market_data.bars import Bars, FloatArray
from pattern_engine.catalogue import PATTERNS
from pattern_engine.names import PatternName

SignalArray = NDArray[np.int32]
Detector = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], SignalArray]

# The longest look-back of the 61 functions, that of the five-candle patterns.
WARM_UP_BARS: Final = 14
# A call costs as much as some 300 bars: longer segments slow the newest bars, shorter ones slow whole series.
SEGMENT_BARS: Final = 128

# TA-Lib wraps its functions to take frames, too; for short tails of bars that costs more than the search itself.
_DETECTORS: Final[Mapping[PatternName, Detector]] = MappingProxyType(
    {name: unwrap(getattr(talib, spec.talib_function)) for name, spec in PATTERNS.items()}
)


def signals(bars: Bars, names: Sequence[PatternName], *, first_bar: int) -> SignalArray:
    """Return TA-Lib's outputs from bar `first_bar` on, one row a name; 0 where there is nothing.

    shape (len(names), len(bars) - first_bar), values -200, -100, -80, 0, 80, 100, 200 (see `match.Match`).
    """
    found = np.zeros((len(names), len(bars) - first_bar), dtype=np.int32)
    for start, end in _segments(first_bar, len(bars)):
        call_start = max(0, start - WARM_UP_BARS)
        wanted_start = max(start, first_bar)
        columns = tuple(column[call_start:end] for column in (bars.open, bars.high, bars.low, bars.close))
        for row, name in enumerate(names):
            outputs = _DETECTORS[name](*columns)
            found[row, wanted_start - first_bar : end - first_bar] = outputs[wanted_start - call_start :]
    return found


def _segments(first_bar: int, n_bars: int) -> Iterator[tuple[int, int]]:
    for start in range(first_bar - first_bar % SEGMENT_BARS, n_bars, SEGMENT_BARS):
        yield start, min(start + SEGMENT_BARS, n_bars)
