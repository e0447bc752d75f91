"""One pass over the equity and one over the trades: the sums from which the metrics follow. Compiled."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.kernels import BOOLS, FLOAT, FLOATS, INTS, kernel

# A deviation this small beside its mean is the rounding of equal values.
_ROUNDING: Final = 1e-13


class EquitySummary(NamedTuple):
    """What the curve itself says; its returns are summed up by `return_summaries`.

    returns: simple, per bar, shape (n,): equity[i] / equity[i - 1] - 1, the first one over the initial cash; 0
    after a bar at which nothing was left. Drawdowns are fractions <= 0 below the highest equity so far, initial
    cash included; an episode runs from its peak to the first bar that is back there, or to the last bar.
    avg_drawdown, avg_drawdown_duration_bars: means over the episodes of their troughs and lengths, NaN without
    any. ulcer_index: root of the mean of squared drawdowns over all bars.
    """

    returns: FloatArray
    max_drawdown: float
    max_drawdown_duration_bars: int
    avg_drawdown: float
    avg_drawdown_duration_bars: float
    ulcer_index: float
    mean_equity: float


class TradeSummary(NamedTuple):
    """Closed trades only, of which there are `closed`; `fees` and `traded_value` include open ones.

    Sums and means are NaN where nothing is summed up. Deviations: ddof = 1; NaN below two values, 0 if all are
    equal. r: pnl / initial risk, of the `risked` trades that had one. mae, mfe: means of the worst and the best
    that a trade stood at, where that is known. given_back: mean of mfe - return.
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
    longest_winning: int
    longest_losing: int
    fees: float
    traded_value: float
    risked: int
    mean_r: float
    r_deviation: float
    mean_mae: float
    mean_mfe: float
    mean_given_back: float


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
    """Return the summary of an equity curve: shape (n,), n >= 1. cash: the equity before bar 0, > 0."""
    returns = np.empty(equity.size)
    before = peak = cash
    peak_bar = -1
    squares = deepest = trough = trough_sum = total = 0.0
    episodes = longest = below = 0
    for i in range(equity.size):
        value = equity[i]
        returns[i] = value / before - 1.0 if before > 0.0 else 0.0
        before = value
        total += value
        if trough < 0.0:  # still below the peak one bar before
            longest = max(longest, i - peak_bar)
            below += 1  # so many bars, one an episode at a time, from the first below to the one back at the peak
        if value >= peak:
            peak, peak_bar, trough = value, i, 0.0
            continue
        drawdown = value / peak - 1.0
        squares += drawdown**2
        if trough == 0.0:
            episodes += 1
            below += i - peak_bar
        if drawdown < trough:  # what this episode adds to the sum is its trough
            trough_sum += drawdown - trough
            trough = drawdown
        deepest = min(deepest, drawdown)
        longest = max(longest, i - peak_bar)
    return EquitySummary(
        returns,
        deepest,
        longest,
        trough_sum / episodes if episodes > 0 else np.nan,
        below / episodes if episodes > 0 else np.nan,
        np.sqrt(squares / equity.size),
        total / equity.size,
    )


@kernel(INTS, FLOATS, FLOATS, FLOATS, FLOATS, BOOLS, FLOATS, FLOATS, FLOATS)
def summarise_trades(  # noqa: PLR0917 -- a kernel takes its arguments by position
    bars_held: IntArray,
    traded: FloatArray,
    fees: FloatArray,
    pnl: FloatArray,
    return_frac: FloatArray,
    is_open: BoolArray,
    initial_risk: FloatArray,
    mae_frac: FloatArray,
    mfe_frac: FloatArray,
) -> TradeSummary:
    """Return the summary of trades in the order of their exits: columns of shape (trades,).

    traded: currency bought and sold by each. initial_risk (currency), mae_frac, mfe_frac: NaN where unknown.
    """
    closed = np.flatnonzero(~is_open)
    gains, fractions, multiples = np.empty(closed.size), np.empty(closed.size), np.empty(closed.size)
    wins = losses = bars = risked = seen = winning = losing = longest_winning = longest_losing = 0
    won = lost = mae = mfe = given_back = 0.0
    for k in range(closed.size):
        i = closed[k]
        gains[k], fractions[k] = pnl[i], return_frac[i]
        bars += bars_held[i]
        wins += pnl[i] > 0.0
        losses += pnl[i] < 0.0
        won += max(pnl[i], 0.0)
        lost += min(pnl[i], 0.0)
        winning = winning + 1 if pnl[i] > 0.0 else 0
        losing = losing + 1 if pnl[i] < 0.0 else 0
        longest_winning, longest_losing = max(longest_winning, winning), max(longest_losing, losing)
        if initial_risk[i] > 0.0:
            multiples[risked] = pnl[i] / initial_risk[i]
            risked += 1
        if not np.isnan(mae_frac[i]):
            mae, mfe, given_back = mae + mae_frac[i], mfe + mfe_frac[i], given_back + mfe_frac[i] - return_frac[i]
            seen += 1
    return TradeSummary(
        closed.size,
        wins,
        losses,
        won,
        lost,
        (won + lost) / closed.size,
        deviation(gains),
        fractions.sum() / closed.size,
        fractions.max() if closed.size > 0 else np.nan,
        fractions.min() if closed.size > 0 else np.nan,
        bars / closed.size,
        longest_winning,
        longest_losing,
        fees.sum(),
        traded.sum(),
        risked,
        multiples[:risked].sum() / risked,
        deviation(multiples[:risked]),
        mae / seen,
        mfe / seen,
        given_back / seen,
    )
