"""What a scan finds: one pattern, complete at one bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pattern_engine.names import PatternName

MatchDirection = Literal["bullish", "bearish", "neutral"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One pattern whose last candle is the bar at `bar_index`; known once that bar has closed, never revised.

    direction: what the pattern says by itself, since TA-Lib ignores the trend before it. "neutral" where the
      sign of TA-Lib's output is a candle's colour, or nothing (see `names.Direction`).
    strength: the absolute value of TA-Lib's output, not a probability.
      100 found; 80 found with the two real bodies level at one end (engulfing, harami, harami_cross);
      200 a hikkake or modified_hikkake of the last three bars confirmed by this bar's close.
    bar_time_ns: open of that last candle, ns UTC. bar_index: its place in the bars that were scanned.
    """

    symbol: str
    pattern: PatternName
    direction: MatchDirection
    strength: int
    bar_time_ns: int
    bar_index: int
