"""How likely the best of many backtests was picked for its luck. Compiled."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numba import types

from market_data.bars import FloatArray, IntArray
from market_data.errors import require
from market_data.kernels import INT, MATRIX, kernel

FEWEST_TRIALS: Final = 2
# Of a sum of squares, what rounding may leave of nothing.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Overfitting:
    """probability: share of splits whose winner is at or below the median outside its sample.

    logits: ln(w / (1 - w)) of each split, w = rank of the winner outside / (trials + 1); shape (splits,).
    """

    probability: float
    logits: FloatArray


def backtest_overfitting(returns: FloatArray, *, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting (PBO) of a search over trials.

    returns: per bar, shape (bars, trials), of ALL trials that were made. The bars are cut into `blocks` runs of equal
    length (what is left over at the end is dropped); in each way to choose half of them, the trial with the best Sharpe
    ratio in the chosen half is ranked among all by the Sharpe ratio in the other. Of trials equal in the sample the
    first wins; equal ones outside share their mean rank. NaN if some trial does not vary in some half.
    Bailey, Borwein, Lopez de Prado and Zhu (2017), "The Probability of Backtest Overfitting", JCF 20(4).
    Raises DomainError for fewer than 2 trials, an odd number of blocks or fewer than 2, or fewer bars than blocks.
    """
    matrix = np.ascontiguousarray(returns, np.float64)
    require(matrix.ndim == 2, f"returns must have the shape (bars, trials), had {matrix.ndim} dimensions")  # noqa: PLR2004
    require(matrix.shape[1] >= FEWEST_TRIALS, f"there must be at least 2 trials, was {matrix.shape[1]}")
    require(blocks >= 2 and blocks % 2 == 0, f"blocks must be even and at least 2, was {blocks}")  # noqa: PLR2004
    require(matrix.shape[0] >= blocks, f"there must be at least {blocks} bars, was {matrix.shape[0]}")
    require(bool(np.isfinite(matrix).all()), "returns must be finite")
    halves = np.array(list(combinations(range(blocks), blocks // 2)), np.int64)
    logits = _logits(matrix, halves, blocks)
    probability = float(np.mean(logits <= 0.0)) if np.isfinite(logits).all() else float("nan")
    return Overfitting(probability=probability, logits=logits)


@kernel(types.float64[::1], types.float64[::1], INT)
def _sharpes(sums: FloatArray, squares: FloatArray, count: int) -> FloatArray:
    ratios = np.empty(sums.size)
    for trial in range(sums.size):
        mean = sums[trial] / count
        apart = squares[trial] - count * mean * mean
        varies = apart > _ROUNDING * squares[trial]
        ratios[trial] = mean / np.sqrt(apart / (count - 1)) if varies else np.nan
    return ratios


@kernel(MATRIX, types.Array(types.int64, 2, "C", readonly=True), INT)
def _logits(returns: FloatArray, halves: IntArray, blocks: int) -> FloatArray:
    trials, rows = returns.shape[1], returns.shape[0] // blocks
    sums, squares = np.zeros((blocks, trials)), np.zeros((blocks, trials))
    for row in range(rows * blocks):
        for trial in range(trials):
            sums[row // rows, trial] += returns[row, trial]
            squares[row // rows, trial] += returns[row, trial] ** 2
    all_sums, all_squares = sums.sum(axis=0), squares.sum(axis=0)
    logits = np.empty(halves.shape[0])
    for k in range(halves.shape[0]):
        chosen_sums, chosen_squares = np.zeros(trials), np.zeros(trials)
        for block in halves[k]:
            chosen_sums += sums[block]
            chosen_squares += squares[block]
        half = rows * (blocks // 2)
        inside = _sharpes(chosen_sums, chosen_squares, half)
        outside = _sharpes(all_sums - chosen_sums, all_squares - chosen_squares, half)
        if np.isnan(inside).any() or np.isnan(outside).any():
            logits[k] = np.nan
            continue
        winner = outside[np.argmax(inside)]
        rank = 0.5
        for value in outside:
            rank += 1.0 if value < winner else (0.5 if value == winner else 0.0)
        share = rank / (trials + 1.0)
        logits[k] = np.log(share / (1.0 - share))
    return logits
