"""An equity curve with few enough points to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from market_data.bars import FloatArray, IntArray
from market_data.errors import require

# The first, the last, a peak and a trough.
FEWEST_POINTS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquityCurve:
    """time: int64 ns UTC of each bar's open, shape (points,). equity: currency at its close, same shape."""

    time: IntArray
    equity: FloatArray

    def __len__(self) -> int:
        return len(self.time)


def thin(time: IntArray, equity: FloatArray, *, max_points: int) -> EquityCurve:
    """Return at most `max_points` points of the curve, evenly spaced by bar; all, if there are no more.

    Always among them: the first point, the last one, and the peak and the trough of the deepest drawdown (of
    several equally deep ones, the first), so that the picture shows the drawdown that the metrics name. time,
    equity: shape (n,), n >= 1. Raises DomainError if max_points < 4.
    """
    require(max_points >= FEWEST_POINTS, f"max_points must be at least {FEWEST_POINTS}, was {max_points}")
    if len(equity) <= max_points:
        return EquityCurve(time=time, equity=equity)
    trough = int(np.argmin(equity / np.maximum.accumulate(equity)))
    peak = int(np.argmax(equity[: trough + 1]))
    even = np.linspace(0, len(equity) - 1, max_points - 2).round().astype(np.int64)
    kept = np.unique(np.concatenate((even, [peak, trough])))
    return EquityCurve(time=time[kept], equity=equity[kept])
