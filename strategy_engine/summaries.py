"""One pass over the equity and one over the trades: the sums from which every metric follows. Compiled."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from market_data.bars import FloatArray, IntArray
from market_data.kernels import BOOL, FLOAT, FLOATS, INTS, kernel

# A deviation this small beside its mean is the rounding of equal values.
_ROUNDING: Final = 1e-13


class EquitySummary(NamedTuple):
    """Returns are simple, per bar: equity[i] / equity[i - 1] - 1, the first one over the initial cash.

    return_deviation: ddof = 1; NaN for one bar, 0 if returns do not vary. downside_deviation: root of the
    mean of min(return, 0) squared. Drawdowns are fractions <= 0 below the highest equity so far, initial cash
    included; an episode runs from its peak to the first bar that is back there, or to the last bar.
    avg_drawdown: mean of the episodes' troughs, NaN without any. ulcer_index: root of the mean of squared
    drawdowns over all bars.
    """

    mean_return: float
    return_deviation: float
    downside_deviation: float
    max_drawdown: float
    max_drawdown_duration_bars: int
    avg_drawdown: float
    ulcer_index: float
    mean_equity: float


class TradeSummary(NamedTuple):
    """Closed trades only, of which there are `closed`; `fees` and `traded_value` include an open one.

    Sums and means are NaN where nothing is summed up. pnl_deviation: ddof = 1; NaN below two trades, 0 if all
    are equal. held_bars: bars at whose close a position was held, an open one included.
    """

    closed: int
    wins: int
    losses: int
    won: float
    lost: float
    mean_pnl: float
    pnl_deviation: float
    mean_return: float
    best_return: float
    worst_return: float
    mean_bars: float
    fees: float
    traded_value: float
    held_bars: int


# First, because a kernel is compiled where it stands, and what it calls must be there by then.
@kernel(FLOATS)
def deviation(values: FloatArray) -> float:
    """Return the standard deviation (ddof = 1); NaN below two values, 0 if they differ by rounding only."""
    if values.size <= 1:
        return np.nan
    mean = values.mean()
    square_sum = 0.0
    for value in values:
        square_sum += (value - mean) ** 2
    spread = np.sqrt(square_sum / (values.size - 1))
    return spread if spread > _ROUNDING * abs(mean) else 0.0


@kernel(FLOATS, FLOAT)
def summarise_equity(equity: FloatArray, cash: float) -> EquitySummary:
    """Return the summary of an equity curve: shape (n,), n >= 1, > 0. cash: the equity before bar 0."""
    returns = np.empty(equity.size)
    before = peak = cash
    peak_bar = -1
    downside = squares = deepest = trough = trough_sum = 0.0
    episodes = longest = 0
    for i in range(equity.size):
        returns[i] = equity[i] / before - 1.0
        before = equity[i]
        downside += min(returns[i], 0.0) ** 2
        if trough < 0.0:  # still below the peak one bar before
            longest = max(longest, i - peak_bar)
        if equity[i] >= peak:
            peak, peak_bar, trough = equity[i], i, 0.0
            continue
        drawdown = equity[i] / peak - 1.0
        squares += drawdown**2
        episodes += trough == 0.0
        if drawdown < trough:  # what this episode adds to the sum is its trough
            trough_sum += drawdown - trough
            trough = drawdown
        deepest = min(deepest, drawdown)
        longest = max(longest, i - peak_bar)
    return EquitySummary(
        returns.mean(),
        deviation(returns),
        np.sqrt(downside / equity.size),
        deepest,
        longest,
        trough_sum / episodes if episodes > 0 else np.nan,
        np.sqrt(squares / equity.size),
        equity.mean(),
    )


@kernel(INTS, INTS, FLOATS, FLOATS, FLOATS, FLOATS, BOOL)
def summarise_trades(  # noqa: PLR0917 -- a kernel takes its arguments by position
    entry_bar: IntArray,
    exit_bar: IntArray,
    traded: FloatArray,
    fees: FloatArray,
    pnl: FloatArray,
    return_frac: FloatArray,
    ends_open: bool,  # noqa: FBT001 -- kernels take positions only
) -> TradeSummary:
    """Return the summary of trades: columns of shape (trades,); traded: currency bought and sold by each.

    If `ends_open`, the last one is still held.
    """
    count = pnl.size - ends_open
    wins = losses = bars = 0
    won = lost = 0.0
    for i in range(count):
        bars += exit_bar[i] - entry_bar[i]
        wins += pnl[i] > 0.0
        losses += pnl[i] < 0.0
        won += max(pnl[i], 0.0)
        lost += min(pnl[i], 0.0)
    held_bars = bars + (exit_bar[-1] - entry_bar[-1] + 1 if ends_open else 0)
    closed_pnl, closed_returns = pnl[:count], return_frac[:count]
    return TradeSummary(
        count,
        wins,
        losses,
        won,
        lost,
        (won + lost) / count,
        deviation(closed_pnl),
        closed_returns.sum() / count,
        closed_returns.max() if count > 0 else np.nan,
        closed_returns.min() if count > 0 else np.nan,
        bars / count,
        fees.sum(),
        traded.sum(),
        held_bars,
    )
