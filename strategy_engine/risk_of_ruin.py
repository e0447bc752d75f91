"""The chance to lose a part of the account that ends the game, by drawing the trades again and again. Compiled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from market_data.bars import FloatArray
from market_data.errors import require
from market_data.kernels import FLOAT, FLOATS, INT, kernel

_MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskOfRuin:
    """probability: share of the paths that fell to the ruin at some trade; standard_error: its own, of the sampling.

    median_return_frac: of a path's end. drawdown_95: the depth, a fraction <= 0, that 95 % of the paths stayed above.
    NaN without trades. ruin_frac, trades, paths, seed: as they were asked for.
    """

    probability: float
    standard_error: float
    median_return_frac: float
    drawdown_95: float
    ruin_frac: float
    trades: int
    paths: int
    seed: int


def risk_of_ruin(
    returns_on_equity: FloatArray, *, seed: int, ruin_frac: float = 0.5, trades: int | None = None, paths: int = 2_000
) -> RiskOfRuin:
    """Return the risk of ruin of trades that come again in any order, with replacement.

    returns_on_equity: each closed trade's pnl over the equity before it, shape (n,): fractions, so that losses shrink
    with the account. ruin_frac: how much of the start must be lost, (0, 1]. trades: how many a path has, by default n.
    The draws are those of SplitMix64 from `seed` on: equal arguments, equal answers. That trades come in streaks, or
    depend on the market, is not seen by such paths. Raises DomainError for values out of range.
    """
    require(0.0 < ruin_frac <= 1.0, f"ruin_frac must be in (0, 1], was {ruin_frac}")
    require(paths >= 1, f"paths must be at least 1, was {paths}")
    require(0 <= seed <= _MAX_SEED, f"seed must be in 0 .. 2**63 - 1, was {seed}")
    length = len(returns_on_equity) if trades is None else trades
    require(trades is None or trades >= 1, f"trades must be at least 1, was {trades}")
    if len(returns_on_equity) == 0:
        nothing = math.nan
        probability = error = middle = depth = nothing
    else:
        ends, depths, ruined = _paths(returns_on_equity, length, paths, seed, 1.0 - ruin_frac)
        probability = ruined / paths
        error = math.sqrt(probability * (1.0 - probability) / paths)
        middle, depth = float(np.median(ends)) - 1.0, float(np.percentile(depths, 5.0))
    return RiskOfRuin(
        probability=probability,
        standard_error=error,
        median_return_frac=middle,
        drawdown_95=depth,
        ruin_frac=ruin_frac,
        trades=length,
        paths=paths,
        seed=seed,
    )


@kernel(FLOATS, INT, INT, INT, FLOAT)
def _paths(returns: FloatArray, length: int, paths: int, seed: int, floor: float) -> tuple[FloatArray, FloatArray, int]:
    ends, depths = np.empty(paths), np.empty(paths)
    state = np.uint64(seed)
    ruined = 0
    for path in range(paths):
        equity = peak = 1.0
        deepest = 0.0
        fell = False
        for _ in range(length):
            state += np.uint64(0x9E3779B97F4A7C15)
            mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
            drawn = np.int64(np.float64(mixed >> np.uint64(11)) * 2.0**-53 * returns.size)
            equity = max(equity * (1.0 + returns[drawn]), 0.0)
            peak = max(peak, equity)
            deepest = min(deepest, equity / peak - 1.0)
            fell = fell or equity <= floor
        ends[path], depths[path] = equity, deepest
        ruined += fell
    return ends, depths, ruined
