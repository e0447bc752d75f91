"""What in bars looks wrong though it is possible: prices that nobody adjusted for a split, and long pauses.

    for doubt in doubts_of(bars): print(doubt)

A split is suspected at bar i, for q = close[i - 1] / open[i], where
1. q or 1 / q is within 4 % of a ratio in which shares are split;
2. no other step from a close to the next open, among the 20 on each side, is a third as large (in logarithms): who
   moves like that often was not split;
3. the bars on both sides are calm: their highs and lows are less than half as far apart. A crash goes on inside a bar.

A pause is long beyond 10 days, for bars of 1w beyond 35.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from market_data.bars import Bars, FloatArray
from market_data.timeframe import NS_PER_DAY

DoubtCode = Literal["suspected_split", "long_pause"]

# New shares for old ones. Smaller ones, such as 5:4, are not told from an ordinary bad night.
SPLITS: Final[tuple[tuple[int, int], ...]] = (
    *((3, 2), (2, 1), (5, 2), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1)),
    *((12, 1), (15, 1), (20, 1), (25, 1), (30, 1), (50, 1), (100, 1)),
)
TOLERANCE_FRAC: Final = 0.04
LIKE_MOVES_WITHIN: Final = 20
LONGEST_PAUSE_DAYS: Final = 10
LONGEST_PAUSE_DAYS_1W: Final = 35

_RATIOS: Final = np.array([new / old for new, old in SPLITS])
_LEAST: Final = float(_RATIOS.min()) * (1.0 - TOLERANCE_FRAC)


@dataclass(frozen=True, slots=True)
class Doubt:
    """bar: the one that opens after the split or the pause."""

    code: DoubtCode
    symbol: str
    bar: int
    told: str

    def __str__(self) -> str:
        return self.told


def doubts_of(bars: Bars) -> tuple[Doubt, ...]:
    """Return what looks wrong, in the order of time."""
    return tuple(sorted((*suspected_splits(bars), *long_pauses(bars)), key=lambda doubt: doubt.bar))


def suspected_splits(bars: Bars) -> tuple[Doubt, ...]:
    """Return where prices look as if shares had been split, or put together, and nobody had adjusted them."""
    ratio = bars.close[:-1] / bars.open[1:]
    far = np.flatnonzero((ratio >= _LEAST) | (ratio <= 1.0 / _LEAST))
    if far.size == 0:
        return ()
    larger = np.maximum(ratio[far], 1.0 / ratio[far])
    off = np.abs(larger[:, np.newaxis] / _RATIOS - 1.0)
    is_like = off.min(axis=1) <= TOLERANCE_FRAC
    found = zip(far[is_like].tolist(), off[is_like].argmin(axis=1).tolist(), strict=True)
    moves = np.abs(np.log(ratio))
    return tuple(
        _split(bars, step, SPLITS[place]) for step, place in found if _is_lonely(moves, step) and _is_calm(bars, step)
    )


def long_pauses(bars: Bars) -> tuple[Doubt, ...]:
    """Return where no bar came for longer than any holiday."""
    longest = LONGEST_PAUSE_DAYS_1W if bars.timeframe == "1w" else LONGEST_PAUSE_DAYS
    pauses = np.diff(bars.time)
    return tuple(
        Doubt(
            "long_pause",
            bars.symbol,
            step + 1,
            f"{bars.symbol} has no bar from {bars.time_utc(step):%Y-%m-%d} to {bars.time_utc(step + 1):%Y-%m-%d}",
        )
        for step in np.flatnonzero(pauses > longest * NS_PER_DAY).tolist()
    )


def _is_lonely(moves: FloatArray, step: int) -> bool:
    first = max(0, step - LIKE_MOVES_WITHIN)
    around = np.delete(moves[first : step + LIKE_MOVES_WITHIN + 1], step - first)
    return bool(around.size == 0 or around.max() < moves[step] / 3.0)


def _is_calm(bars: Bars, step: int) -> bool:
    both = slice(step, step + 2)
    widest = float(np.log(bars.high[both] / bars.low[both]).max())
    return 2.0 * widest < abs(float(np.log(bars.close[step] / bars.open[step + 1])))


def _split(bars: Bars, step: int, parts: tuple[int, int]) -> Doubt:
    close, opened = float(bars.close[step]), float(bars.open[step + 1])
    new, old = parts if opened < close else parts[::-1]
    told = (
        f"{bars.symbol} opened {bars.time_utc(step + 1):%Y-%m-%d} at {opened:g} after a close of {close:g}, "
        f"as after a split of {new}:{old}; prices that are not adjusted make up gains and losses"
    )
    return Doubt("suspected_split", bars.symbol, step + 1, told)
