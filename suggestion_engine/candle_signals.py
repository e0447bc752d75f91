"""Candlesticks as columns: which way the newest ones point, the same over a tail as over the whole series.

TA-Lib's running averages carry the rounding of every bar since the call's first one, which can flip a tie (see
`pattern_engine.candlesticks`). So each call must begin at a place that a tail knows too: the series is cut where
the time passes a multiple of SEGMENT_BARS bar lengths since 1970, and each segment is computed by one call that begins
WARM_UP_BARS bars before it. Bars must stand at least one bar length apart, as those of an exchange do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from market_data.bars import Bars, FloatArray
from market_data.timeframe import step_ns
from pattern_engine.candlesticks import SEGMENT_BARS as CALL_BARS
from pattern_engine.candlesticks import WARM_UP_BARS, search_of
from pattern_engine.names import PatternName
from pattern_engine.native_calls import SignalArray

# With its warm-up a segment fits into one call of the pattern engine.
SEGMENT_BARS: Final = CALL_BARS - WARM_UP_BARS
NET_BARS: Final = 20  # how far the features look back over signals
# How many bars before the newest decide its signals: those looked back over, the segment of the oldest, its warm-up.
REACH_BARS: Final = NET_BARS + SEGMENT_BARS + WARM_UP_BARS

# Those with a direction. The long line, belt-hold and their like fire on every fifth bar and say nothing. Another
# choice gives other features: raise KERNEL_VERSION with it.
_DIRECTED: Final[tuple[PatternName, ...]] = (
    "engulfing",
    "hammer",
    "inverted_hammer",
    "hanging_man",
    "shooting_star",
    "morning_star",
    "evening_star",
    "harami",
    "piercing",
    "dark_cloud_cover",
    "three_inside",
    "three_outside",
    "three_white_soldiers",
    "three_black_crows",
)
_NAMES: Final[tuple[PatternName, ...]] = (*_DIRECTED, "doji")
_ROW: Final = {name: row for row, name in enumerate(_NAMES)}


@dataclass(frozen=True, slots=True, eq=False)
class CandleSignals:
    """net: bullish minus bearish candlesticks, shape (s, n), 0 where nobody asked; the others: shape (s, n - first)."""

    net: FloatArray
    engulfing: FloatArray
    hammer: FloatArray
    star: FloatArray
    doji: FloatArray


def candle_signals(bars: Sequence[Bars], first: int) -> CandleSignals:
    """Return the signals of the bars from `first` on, and the net of up to NET_BARS - 1 before them.

    bars: of s symbols, n of each.
    """
    start = max(0, first - NET_BARS + 1)
    found = np.stack([_anchored_signals(one, start) for one in bars], axis=1)
    signs = np.sign(found).astype(np.float64)
    net = np.zeros((len(bars), len(bars[0])))
    net[:, start:] = signs[: len(_DIRECTED)].sum(axis=0)
    asked = signs[:, :, first - start :]
    return CandleSignals(
        net=net,
        engulfing=asked[_ROW["engulfing"]],
        hammer=np.clip(asked[_ROW["hammer"] : _ROW["shooting_star"] + 1].sum(axis=0), -1.0, 1.0),
        star=asked[_ROW["morning_star"]] + asked[_ROW["evening_star"]],
        doji=asked[_ROW["doji"]],
    )


def _anchored_signals(bars: Bars, first: int) -> SignalArray:
    search = search_of(_NAMES)
    columns = (bars.open, bars.high, bars.low, bars.close)
    segment_of = bars.time // (SEGMENT_BARS * step_ns(bars.timeframe))
    found = np.zeros((len(_NAMES), len(bars) - first), dtype=np.int32)
    start = int(segment_of.searchsorted(segment_of[first])) if first < len(bars) else first
    while start < len(bars):
        end = int(segment_of.searchsorted(segment_of[start], side="right"))
        call_start = max(0, start - WARM_UP_BARS)
        wanted = max(start, first)
        found[:, wanted - first : end - first] = search(columns, call_start, end)[:, wanted - call_start :]
        start = end
    return found
