"""What became of a suggestion: the triple barrier of the labels, laid around the fill that really came.

1. A decision on bar i is filled at the open of bar i + 1.
2. Stop and target stand as far from the fill, as a fraction of the price, as they stood from the signal's entry: the
   labels measure from the fill too, and prices that were adjusted for a split since then change nothing.
3. Bars i + 1 .. i + horizon are watched. A bar that opens beyond a level ends the trade at its open, else one that
   reaches a level ends it at the level; where one bar reaches both, the stop comes first.
4. Where neither is reached, the trade ends at the close of bar i + horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from market_data.bars import Bars
from suggestion_engine.features import atr
from suggestion_engine.plan import BARRIER_ATR, LOWEST_LEVEL_FRAC, Action

Ending = Literal["target", "stop", "timeout"]


@dataclass(frozen=True, kw_only=True)
class Given:
    """A suggestion as it was given. A hold has no levels: it is measured as a buy at the barriers of its labels."""

    action: Action
    entry: float
    stop: float | None
    target: float | None
    horizon_bars: int
    as_of_ns: int


@dataclass(frozen=True, kw_only=True)
class SignalOutcome:
    """How it ended. `return_frac` is before costs, of the action's side; of a hold: of the buy that was not made."""

    ending: Ending
    return_frac: float
    exit_price: float
    exit_time_ns: int


def outcome_of(given: Given, bars: Bars) -> SignalOutcome | None:
    """Return how a suggestion ended; None while neither a level was reached nor its horizon is over.

    bars: of the signal's symbol and timeframe, with the bar that it was decided on; None too when that bar is missing.
    """
    decided = int(np.searchsorted(bars.time, given.as_of_ns))
    if decided >= len(bars) or int(bars.time[decided]) != given.as_of_ns:
        return None
    levels = _level_fracs(given, bars, decided)
    first, end = decided + 1, decided + 1 + given.horizon_bars
    if levels is None or first >= len(bars):
        return None
    side = -1.0 if given.action == "sell" else 1.0
    fill = float(bars.open[first])
    stop, target = fill * (1.0 + levels[0]), fill * (1.0 + levels[1])
    for bar in range(first, min(end, len(bars))):
        reached = _reached(bars, bar, side, stop, target, is_fill_bar=bar == first)
        if reached is not None:
            ending, price = reached
            return _outcome(ending, side, fill, price, int(bars.time[bar]))
    if end > len(bars):
        return None
    return _outcome("timeout", side, fill, float(bars.close[end - 1]), int(bars.time[end - 1]))


def has_bar(given: Given, bars: Bars) -> bool:
    """Tell whether the bar that a suggestion was decided on is among these."""
    at = int(np.searchsorted(bars.time, given.as_of_ns))
    return at < len(bars) and int(bars.time[at]) == given.as_of_ns


def _level_fracs(given: Given, bars: Bars, decided: int) -> tuple[float, float] | None:
    """Return stop and target as fractions of the fill; None where a hold has no ATR to measure by."""
    if given.stop is not None and given.target is not None:
        return given.stop / given.entry - 1.0, given.target / given.entry - 1.0
    distance = BARRIER_ATR * float(atr(bars[: decided + 1])[-1]) / float(bars.close[decided])
    if not np.isfinite(distance):
        return None
    if distance == 0.0:  # nothing moved: there are no barriers, only time
        return LOWEST_LEVEL_FRAC - 1.0, np.inf
    return max(-distance, LOWEST_LEVEL_FRAC - 1.0), distance


def _reached(
    bars: Bars, bar: int, side: float, stop: float, target: float, *, is_fill_bar: bool
) -> tuple[Ending, float] | None:
    """Return which level a bar reaches and at which price."""
    opened = float(bars.open[bar])
    worst, best = (bars.low[bar], bars.high[bar]) if side > 0 else (bars.high[bar], bars.low[bar])
    if not is_fill_bar and side * (opened - stop) <= 0.0:
        return "stop", opened
    if not is_fill_bar and side * (opened - target) >= 0.0:
        return "target", opened
    if side * (float(worst) - stop) <= 0.0:
        return "stop", stop
    if side * (float(best) - target) >= 0.0:
        return "target", target
    return None


def _outcome(ending: Ending, side: float, fill: float, price: float, time_ns: int) -> SignalOutcome:
    return SignalOutcome(ending=ending, return_frac=side * (price / fill - 1.0), exit_price=price, exit_time_ns=time_ns)
