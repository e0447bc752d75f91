"""Looks for patterns in bars: which ones, in which direction, at which bar."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from market_data.bars import Bars
from market_data.errors import require
from pattern_engine import candlesticks
from pattern_engine.catalogue import PATTERNS
from pattern_engine.match import Match, MatchDirection
from pattern_engine.names import PatternName, check_pattern


def scan(bars: Bars, patterns: Sequence[PatternName] | None = None, *, last_bars: int | None = 5) -> list[Match]:
    """Return the matches whose last candle is among the newest `last_bars` bars, by (time, pattern).

    bars: closed bars only; a bar still forming gives matches that may vanish. patterns: None means all 61.
    last_bars: at least 1; None means every bar. It narrows the answer and never changes it: what is found at
    a bar depends on it and earlier ones alone. Warm-up: 2 to 14 bars by pattern; too few give an empty list.
    Rules: TA-Lib's CDL* functions with their default candle settings and penetrations.
    """
    names = _checked(tuple(PATTERNS if patterns is None else patterns))
    require(last_bars is None or last_bars >= 1, f"last_bars must be at least 1, or None for all; was {last_bars}")
    first_bar = 0 if last_bars is None else max(0, len(bars) - last_bars)
    signals = candlesticks.signals(bars, names, first_bar=first_bar)
    found = [
        _match(bars, names[row], first_bar + int(column), int(signals[row, column]))
        for row, column in zip(*np.nonzero(signals), strict=True)
    ]
    return sorted(found, key=lambda match: (match.bar_time_ns, match.pattern))


@lru_cache(maxsize=64)
def _checked(names: tuple[PatternName, ...]) -> tuple[PatternName, ...]:
    """Return names of patterns, each once; many symbols are asked about the same."""
    return tuple(dict.fromkeys(check_pattern(name) for name in names))


def _match(bars: Bars, name: PatternName, bar: int, signal: int) -> Match:
    return Match(
        symbol=bars.symbol,
        pattern=name,
        direction=_direction(name, signal),
        strength=abs(signal),
        bar_time_ns=int(bars.time[bar]),
        bar_index=bar,
    )


def _direction(name: PatternName, signal: int) -> MatchDirection:
    if PATTERNS[name].direction == "neutral":
        return "neutral"
    return "bullish" if signal > 0 else "bearish"
