"""What acting on suggestions would have earned after costs, beside what asks no model.

Capital stands in as many sleeves as decision dates fall into one holding period; each date moves one sleeve. A sleeve
spreads over the date's suggestions, at most a tenth of it in each, long for buy and short for sell, from the next
open to the barrier; what is not used is cash at 0 %. Shorts borrow for nothing: a kindness to the model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from market_data.bars import BoolArray, FloatArray, IntArray
from training.suggestion.splits import Days

COST_BPS_ROUND_TRIP: Final = 20.0
COST_FRAC: Final = COST_BPS_ROUND_TRIP / 10_000
_LARGEST_FRAC: Final = 0.1
_MOMENTUM_SHARE: Final = 0.2
_BARS_PER_YEAR: Final = 252
_EULER: Final = 0.5772156649015329
_FEWEST_PERIODS: Final = 3
_FEWEST_ACTED_FRAC: Final = 0.01
_THRESHOLDS: Final = 40
_NO_EDGE_QUANTILE: Final = 0.95
_LEAST_DEFAULT_EDGE: Final = 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """What the rows earned: shape (n,) each. `barrier_frac` from entry to barrier; `hold_frac` from the open after the
    decision to the open a holding period later; `momentum_frac` the return from 252 to 21 bars before."""

    days: Days
    symbols: IntArray
    barrier_frac: FloatArray
    hold_frac: FloatArray
    momentum_frac: FloatArray


@dataclass(frozen=True, kw_only=True)
class Earned:
    """A year's return and Sharpe ratio; None with fewer than 3 periods or without variation."""

    annual_return_frac: float
    sharpe: float | None


@dataclass(frozen=True, kw_only=True)
class Economics:
    """After-cost results of acting wherever |P(buy) - P(sell)| reaches the least edge, and of what asks no model.

    mean_trade_bps: of a suggestion acted upon, after costs. deflated_sharpe: chance that the Sharpe ratio is above
    what the best of `configurations` worthless ones would show.
    """

    abstained_frac: float
    n_trades: int
    mean_trade_bps: float | None
    acting: Earned
    acting_long_only: Earned
    buy_and_hold: Earned
    momentum: Earned
    configurations: int
    deflated_sharpe: float | None


def economics(
    market: Market,
    edge: FloatArray,
    *,
    min_edge: float | FloatArray,
    horizon_bars: int,
    row_step_bars: int,
    configurations: int,
) -> Economics:
    """Return what acting on `edge` = P(buy) - P(sell), shape (n,), would have earned; min_edge: one, or one a row."""
    side = np.where(np.abs(edge) >= min_edge, np.sign(edge), 0.0)
    sleeves = max(1, -(-horizon_bars // row_step_bars))
    net = side * market.barrier_frac - COST_FRAC
    acted = side != 0
    acting = _by_date(market.days, net, acted)

    def earned(by_date: FloatArray) -> Earned:
        return _earned(by_date, sleeves, horizon_bars)

    return Economics(
        abstained_frac=float(1 - acted.mean()),
        n_trades=int(acted.sum()),
        mean_trade_bps=float(net[acted].mean() * 10_000) if acted.any() else None,
        acting=earned(acting),
        acting_long_only=earned(_by_date(market.days, net, side > 0)),
        buy_and_hold=earned(_mean_by_date(market.days, market.hold_frac)),
        momentum=earned(_momentum(market, sleeves)),
        configurations=configurations,
        deflated_sharpe=deflated_sharpe(acting, periods=len(acting) / sleeves, configurations=configurations),
    )


def choose_min_edge(edge: FloatArray, barrier_frac: FloatArray, days: Days) -> tuple[float, bool]:
    """Return the smallest |edge| at which acting paid after costs, and True; a default and False when none did.

    It paid when the mean over dates of the net result lies above its standard error, with 1 % of the rows acting. The
    default lets one row in twenty act, and is at least 0.01.
    """
    size = np.abs(edge)
    for share in np.linspace(0.0, 1 - _FEWEST_ACTED_FRAC, _THRESHOLDS):
        threshold = float(np.quantile(size, share))
        acted = size >= threshold
        net = np.sign(edge[acted]) * barrier_frac[acted] - COST_FRAC
        by_date = _mean_by_date(days[acted], net)
        if len(by_date) >= _FEWEST_PERIODS and by_date.mean() > by_date.std(ddof=1) / math.sqrt(len(by_date)):
            return threshold, True
    return max(float(np.quantile(size, _NO_EDGE_QUANTILE)), _LEAST_DEFAULT_EDGE), False


def deflated_sharpe(by_period: FloatArray, *, periods: float, configurations: int) -> float | None:
    """Return the chance in [0, 1] that the Sharpe ratio is above the best of so many worthless configurations.

    by_period: returns of holding periods, which overlap; periods: how many of them are independent.
    Bailey and Lopez de Prado (2014), "The Deflated Sharpe Ratio"; the trials' spread is that of an estimate with
    true Sharpe ratio 0. None with fewer than 3 periods or without variation.
    """
    spread = float(by_period.std(ddof=1)) if len(by_period) >= _FEWEST_PERIODS else 0.0
    if spread == 0 or periods <= 1:
        return None
    sharpe = float(by_period.mean()) / spread
    z = (by_period - by_period.mean()) / by_period.std()
    skew, kurtosis = float((z**3).mean()), float((z**4).mean())
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if variance <= 0:
        return None
    best = _expected_best(configurations) / math.sqrt(periods - 1)
    return NormalDist().cdf((sharpe - best) * math.sqrt(periods - 1) / math.sqrt(variance))


def _expected_best(n: int) -> float:
    if n <= 1:
        return 0.0
    normal = NormalDist()
    return (1 - _EULER) * normal.inv_cdf(1 - 1 / n) + _EULER * normal.inv_cdf(1 - 1 / (n * math.e))


def _by_date(days: Days, net: FloatArray, acted: BoolArray) -> FloatArray:
    dates, at = np.unique(days, return_inverse=True)
    n_acted = np.bincount(at, acted, minlength=len(dates))
    total = np.bincount(at, np.where(acted, net, 0.0), minlength=len(dates))
    weight = np.minimum(1 / np.maximum(n_acted, 1), _LARGEST_FRAC)
    return (total * weight).astype(np.float64)


def _mean_by_date(days: Days, values: FloatArray) -> FloatArray:
    known = np.isfinite(values)
    _, at = np.unique(days[known], return_inverse=True)
    result: FloatArray = np.bincount(at, values[known]) / np.bincount(at)
    return result


def _momentum(market: Market, sleeves: int) -> FloatArray:
    dates, at = np.unique(market.days, return_inverse=True)
    held: list[set[int]] = [set() for _ in range(sleeves)]
    result = np.zeros(len(dates))
    for i in range(len(dates)):
        rows = np.flatnonzero((at == i) & np.isfinite(market.momentum_frac) & np.isfinite(market.hold_frac))
        n_best = max(1, round(_MOMENTUM_SHARE * len(rows)))
        best = rows[np.argsort(-market.momentum_frac[rows], kind="stable")[:n_best]]
        if len(best) == 0:
            continue
        names = set(market.symbols[best].tolist())
        new_frac = len(names - held[i % sleeves]) / len(names)
        held[i % sleeves] = names
        result[i] = market.hold_frac[best].mean() - COST_FRAC * new_frac
    return result


def _earned(by_date: FloatArray, sleeves: int, horizon_bars: int) -> Earned:
    years = len(by_date) / sleeves * horizon_bars / _BARS_PER_YEAR
    growth = float(np.mean([np.prod(1 + by_date[first::sleeves]) for first in range(min(sleeves, len(by_date)))]))
    spread = float(by_date.std(ddof=1)) if len(by_date) >= _FEWEST_PERIODS else 0.0
    yearly = math.sqrt(_BARS_PER_YEAR / horizon_bars)
    return Earned(
        annual_return_frac=max(growth, 0.0) ** (1 / years) - 1,
        sharpe=float(by_date.mean()) / spread * yearly if spread > 0 else None,
    )
