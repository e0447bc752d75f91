"""What became of decisions: labels for training and for scoring past suggestions. They look ahead by design.

A decision on bar i is made after its close and enters at the open of bar i + 1.

Where one bar touches both barriers, the lower counts as first: a buy loses, and a sell wins. That is strict on buys and
kind to sells. What became of a suggestion (`outcome.py`) is judged by its own side: there the stop comes first for a
sell, too, so such a sell loses. `BarrierLabels.is_tie` names the rows, and a model's card tells their share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market_data.bars import Bars, BoolArray, FloatArray, IntArray
from market_data.errors import require
from market_data.kernels import FLOATS, INT, INTS, kernel
from suggestion_engine.feature_series import ATR_BARS
from suggestion_engine.features import atr

OutcomeArray = NDArray[np.int8]

ATR_MULTIPLE: Final = 2.0
HORIZON_BARS: Final = 10

_OUTCOME, _EXIT_PRICE, _EXIT_BAR, _IS_TIE = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class BarrierLabels:
    """Which barrier came first for a decision on each bar, all of shape (n,).

    outcome: +1 upper, -1 lower, 0 neither in time; 0 too where it is not known. return_frac: exit / entry - 1, before
    costs (0.01 = 1 %). return_atr: (exit - entry) / ATR of the decision's bar. exit_bar: index of the bar of the exit,
    -1 where not known. entry: the next bar's open, in price. is_tie: one bar touched both. is_known: False where
    there is no ATR, or the bars end before the horizon and no barrier was touched; its returns are NaN.
    """

    outcome: OutcomeArray
    return_frac: FloatArray
    return_atr: FloatArray
    exit_bar: IntArray
    entry: FloatArray
    is_tie: BoolArray
    is_known: BoolArray


def triple_barrier(
    bars: Bars,
    *,
    atr_multiple: float = ATR_MULTIPLE,
    horizon_bars: int = HORIZON_BARS,
    atr_bars: int = ATR_BARS,
) -> BarrierLabels:
    """Return what came first after a decision on each bar: the upper barrier, the lower one, or the end of time.

    1. Entry is the open of bar i + 1; the barriers are entry +- atr_multiple * ATR of bar i (`features.atr`).
    2. Bars i + 1 .. i + horizon_bars are watched. A bar that opens beyond a barrier exits at that open.
    3. Else a barrier inside the bar's range exits at the barrier; where both are, the lower: the stop of a buy, and
       the target of a sell.
    4. With neither, the exit is the close of bar i + horizon_bars.
    Lopez de Prado (2018), "Advances in Financial Machine Learning", section 3.4. Warm-up: atr_bars bars.
    """
    require(atr_multiple > 0.0, f"atr_multiple must be above 0, was {atr_multiple}")
    require(horizon_bars >= 1, f"horizon_bars must be at least 1, was {horizon_bars}")
    ranges = atr(bars, atr_bars)
    found = _first_touches(bars.open, bars.high, bars.low, bars.close, atr_multiple * ranges, horizon_bars)
    entry = _next_open(bars)
    exit_bar = found[_EXIT_BAR].astype(np.int64)
    gain = found[_EXIT_PRICE] - entry
    return BarrierLabels(
        outcome=found[_OUTCOME].astype(np.int8),
        return_frac=gain / entry,
        # Where the label is not known the gain is NaN, and the range may be 0.
        return_atr=gain / np.where(ranges == 0.0, np.nan, ranges),
        exit_bar=exit_bar,
        entry=entry,
        is_tie=found[_IS_TIE] != 0.0,
        is_known=exit_bar >= 0,
    )


def forward_return(bars: Bars, horizon_bars: int) -> FloatArray:
    """Return close[i + horizon_bars] / open[i + 1] - 1 for each bar i, shape (n,); NaN where the bars end before."""
    require(horizon_bars >= 1, f"horizon_bars must be at least 1, was {horizon_bars}")
    forward = np.full(len(bars), np.nan)
    if len(bars) > horizon_bars:
        n_known = len(bars) - horizon_bars
        forward[:n_known] = bars.close[horizon_bars:] / bars.open[1 : n_known + 1] - 1.0
    return forward


def cross_sectional_rank(values: FloatArray, dates: IntArray) -> FloatArray:
    """Return each value's rank among those of its date, 0 (lowest) .. 1, shape (n,).

    values, dates: shape (n,), in any order. Equal values share their mean rank; a value alone on its date has 0.5; NaN
    stays NaN and counts for nobody.
    """
    require(len(values) == len(dates), f"values and dates must be as many, were {len(values)} and {len(dates)}")
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.lexsort((values[known], dates[known]))]
    ranks = np.full(len(values), np.nan)
    ranks[order] = _ranks_of_sorted(values[order], dates[order].astype(np.int64))
    return ranks


def meta_labels(side: NDArray[np.integer], barrier: BarrierLabels) -> FloatArray:
    """Return 1 where the trade of a primary model hit its target, 0 where not, shape (n,).

    side: shape (n,), the sign is the side: above 0 long, below 0 short. NaN where side is 0 or the label is not known.
    A short's target is the lower barrier; where one bar touched both, its stop comes first too, so it is 0.
    Lopez de Prado (2018), section 3.6.
    """
    require(len(side) == len(barrier.outcome), f"side must have {len(barrier.outcome)} rows, had {len(side)}")
    sign = np.sign(side)
    has_won = (sign == barrier.outcome) & ~barrier.is_tie
    return np.where((sign == 0) | ~barrier.is_known, np.nan, has_won.astype(np.float64))


def _next_open(bars: Bars) -> FloatArray:
    return np.concatenate((bars.open[1:], [np.nan]))[: len(bars)]


@kernel(FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, INT)
def _first_touches(  # noqa: PLR0917 -- a kernel takes its arguments by position
    open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, reach: FloatArray, horizon: int
) -> FloatArray:
    """Return rows outcome, exit price, exit bar and is_tie, shape (4, n); NaN price and bar -1 where not known."""
    n = open_.size
    found = np.zeros((4, n))
    found[1] = np.nan
    found[2] = -1.0
    for i in range(n - 1):
        if not reach[i] > 0.0:
            continue
        upper, lower = open_[i + 1] + reach[i], open_[i + 1] - reach[i]
        j = i + 1
        end = min(i + horizon, n - 1)
        while j < end and low[j] > lower and high[j] < upper:
            j += 1
        opens_above = open_[j] >= upper
        if low[j] <= lower and not opens_above:
            found[0, i], found[1, i] = -1.0, min(open_[j], lower)
            found[3, i] = 1.0 if high[j] >= upper and open_[j] > lower else 0.0
        elif high[j] >= upper:
            found[0, i], found[1, i] = 1.0, max(open_[j], upper)
        elif j == i + horizon:
            found[1, i] = close[j]
        if found[1, i] == found[1, i]:
            found[2, i] = j
    return found


@kernel(FLOATS, INTS)
def _ranks_of_sorted(values: FloatArray, dates: IntArray) -> FloatArray:
    """Return ranks of values sorted by (date, value)."""
    ranks = np.empty(values.size)
    start = 0
    while start < values.size:
        end = start
        while end < values.size and dates[end] == dates[start]:
            end += 1
        i = start
        while i < end:
            j = i
            while j < end and values[j] == values[i]:
                j += 1
            ranks[i:j] = 0.5 if end - start == 1 else ((i + j - 1) / 2.0 - start) / (end - start - 1)
            i = j
        start = end
    return ranks
