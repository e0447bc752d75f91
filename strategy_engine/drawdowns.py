"""The drawdowns of an equity curve, one by one. Compiled."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.errors import require
from market_data.kernels import FLOAT, FLOATS, kernel

# The place of the initial cash, before bar 0.
BEFORE_ALL: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawdowns:
    """Columns of shape (drawdowns,): the ways from a peak of the equity back to it, the initial cash being the first.

    peak_time, trough_time, end_time: int64 ns UTC, the opens of the bars of the peak (of bar 0, where the initial cash
    was the peak), of the lowest close, and of the first close that is back at the peak, or of the last bar.
    depth_frac: fraction < 0. bars, bars_to_trough: from the peak on, counted from before bar 0 for the initial cash.
    is_open: never back at the peak.
    """

    peak_time: IntArray
    trough_time: IntArray
    end_time: IntArray
    depth_frac: FloatArray
    bars: IntArray
    bars_to_trough: IntArray
    is_open: BoolArray

    @classmethod
    def of(cls, time: IntArray, equity: FloatArray, cash: float, *, at_most: int | None = None) -> Self:
        """Return all drawdowns in their order, or the `at_most` deepest, the deepest first.

        time, equity: shape (n,), n >= 1. cash: the equity before bar 0. Raises DomainError if at_most < 1.
        """
        require(at_most is None or at_most >= 1, f"at_most must be at least 1, was {at_most}")
        found = _episodes(equity, cash)
        order = slice(None) if at_most is None else np.argsort(found.depth, kind="stable")[:at_most]
        peak, trough, end = found.peak[order], found.trough[order], found.end[order]
        return cls(
            peak_time=time[np.maximum(peak, 0)],
            trough_time=time[trough],
            end_time=time[end],
            depth_frac=found.depth[order],
            bars=end - peak,
            bars_to_trough=trough - peak,
            is_open=found.is_open[order],
        )

    def __len__(self) -> int:
        return len(self.depth_frac)

    def columns(self) -> dict[str, NDArray[Any]]:  # Any: one type a column
        """Return every column by its name, in order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


class _Episodes(NamedTuple):
    peak: IntArray
    trough: IntArray
    end: IntArray
    depth: FloatArray
    is_open: BoolArray


@kernel(FLOATS, FLOAT)
def drawdown_curve(equity: FloatArray, cash: float) -> FloatArray:
    """Return how far each close is below the highest before: fractions <= 0, shape (n,)."""
    curve = np.empty(equity.size)
    peak = cash
    for i in range(equity.size):
        peak = max(peak, equity[i])
        curve[i] = equity[i] / peak - 1.0
    return curve


@kernel(FLOATS, FLOAT)
def _episodes(equity: FloatArray, cash: float) -> _Episodes:
    room = equity.size // 2 + 1  # each needs a bar below and one back at the peak
    peaks, troughs, ends = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    depths, is_open = np.empty(room), np.zeros(room, np.bool_)
    peak, peak_bar, count = cash, BEFORE_ALL, 0
    is_below = False
    for i in range(equity.size):
        if equity[i] >= peak:
            if is_below:
                ends[count - 1], is_below = i, False
            peak, peak_bar = equity[i], i
            continue
        depth = equity[i] / peak - 1.0
        if not is_below:
            peaks[count], depths[count], is_below = peak_bar, 0.0, True
            count += 1
        if depth < depths[count - 1]:
            depths[count - 1], troughs[count - 1] = depth, i
    if is_below:
        ends[count - 1], is_open[count - 1] = equity.size - 1, True
    return _Episodes(peaks[:count], troughs[:count], ends[:count], depths[:count], is_open[:count])
