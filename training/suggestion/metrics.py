"""What probabilities are worth: figures of skill, each with a 90 % interval that respects dates.

Rows of one date share the market's move and neighbouring dates share their labels, so intervals come from drawing
whole blocks of neighbouring dates (Kuensch 1989, "The Jackknife and the Bootstrap for General Stationary
Observations"). Classes are columns: 0 sell (lower barrier first), 1 hold (none), 2 buy (upper barrier first).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np

from market_data.bars import FloatArray, IntArray
from training.suggestion.calibration import HOLD, N_CLASSES
from training.suggestion.splits import Days

BLOCK_DATES: Final = 8
_BINS: Final = 10
_LOW_HIGH: Final = (0.05, 0.95)
_FEWEST_NAMES: Final = 5


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure and the 5th and 95th percentile of its bootstrap draws; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Skill on some rows.

    class_fracs: how often sell, hold, buy were right. accuracy_base_frac: of always naming the class most frequent in
    training. direction_auc: of P(buy) - P(sell) for upper against lower, on rows that hit a barrier.
    brier_skill: 1 - Brier / Brier of the training shares. ece: mean over classes, ten bins.
    rank_ic: mean over dates of the rank correlation of P(buy) - P(sell) with the forward return.
    """

    n_rows: int
    n_dates: int
    class_fracs: tuple[float, float, float]
    direction_auc: Interval
    accuracy_frac: Interval
    accuracy_base_frac: float
    brier_skill: Interval
    ece: Interval
    rank_ic: Interval


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What happened to the rows that are judged; shape (n,) each, `base` (n, 3): the shares known beforehand."""

    days: Days
    labels: IntArray
    forward_frac: FloatArray
    base: FloatArray


def figures(outcomes: Outcomes, probabilities: FloatArray, *, draws: int, seed: int) -> Figures:
    """Return the skill of `probabilities`, shape (n, 3), n >= 1."""
    dates, at = np.unique(outcomes.days, return_inverse=True)
    counts = block_draws(len(dates), draws=draws, seed=seed)
    edge = probabilities[:, 2] - probabilities[:, 0]
    hit = np.eye(N_CLASSES)[outcomes.labels]

    def by_date(values: FloatArray) -> FloatArray:
        return np.bincount(at, values, minlength=len(dates)).astype(np.float64)

    ones = by_date(np.ones(len(at)))
    right = by_date((probabilities.argmax(axis=1) == outcomes.labels).astype(float))
    brier = by_date(((probabilities - hit) ** 2).sum(axis=1))
    brier_base = by_date(((outcomes.base - hit) ** 2).sum(axis=1))
    shares = hit.mean(axis=0)
    return Figures(
        n_rows=len(at),
        n_dates=len(dates),
        class_fracs=(float(shares[0]), float(shares[1]), float(shares[2])),
        direction_auc=_auc_interval(edge, outcomes.labels, at, counts),
        accuracy_frac=_interval(right.sum() / ones.sum(), (counts @ right) / (counts @ ones)),
        accuracy_base_frac=float((outcomes.base.argmax(axis=1) == outcomes.labels).mean()),
        brier_skill=_interval(1 - brier.sum() / brier_base.sum(), 1 - (counts @ brier) / (counts @ brier_base)),
        ece=_ece_interval(probabilities, hit, at, counts),
        rank_ic=_rank_ic_interval(edge, outcomes.forward_frac, at, counts),
    )


def block_draws(n_dates: int, *, draws: int, seed: int) -> FloatArray:
    """Return shape (draws, n_dates): how often each draw of circular blocks of dates holds each date."""
    block = min(BLOCK_DATES, n_dates)
    n_blocks = -(-n_dates // block)
    starts = np.random.default_rng(seed).integers(0, n_dates, size=(draws, n_blocks))
    drawn = ((starts[:, :, None] + np.arange(block)) % n_dates).reshape(draws, -1)[:, :n_dates]
    return np.stack([np.bincount(row, minlength=n_dates) for row in drawn]).astype(np.float64)


def auc(scores: FloatArray, is_up: IntArray, weights: FloatArray | None = None) -> float:
    """Return the chance that an up row scores above a down row, ties counting half; NaN when one kind is missing.

    scores, is_up (0 or 1), weights: shape (n,). Mann-Whitney's U over the number of pairs.
    """
    _, group = np.unique(scores, return_inverse=True)
    return _auc_of_groups(group, is_up, np.ones(len(scores)) if weights is None else weights)


def rank_ic_by_date(scores: FloatArray, returns_frac: FloatArray, at: IntArray) -> FloatArray:
    """Return the rank correlation within each date; NaN for a date of fewer than 5 rows or without variation.

    at: shape (n,), the number of each row's date, 0 to the number of dates - 1.
    """
    result = np.full(int(at.max()) + 1, np.nan)
    order = np.argsort(at, kind="stable")
    borders = np.searchsorted(at[order], np.arange(len(result) + 1))
    for i, (first, end) in enumerate(itertools.pairwise(borders)):
        rows = order[first:end]
        if len(rows) >= _FEWEST_NAMES:
            result[i] = _correlation(ranks(scores[rows]), ranks(returns_frac[rows]))
    return result


def ranks(values: FloatArray) -> FloatArray:
    """Return ranks from 1, ties sharing their mean rank."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    result: FloatArray = (last - (sizes - 1) / 2)[group]
    return result


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Rows whose probability of `buy` fell into one bin: what was said, and what came."""

    n_rows: int
    said_frac: float
    came_frac: float


def calibration_curve(probabilities: FloatArray, labels: IntArray, *, column: int) -> tuple[CurvePoint, ...]:
    """Return ten points of equal row counts, by rising probability of class `column`."""
    order = np.argsort(probabilities[:, column], kind="stable")
    return tuple(
        CurvePoint(
            n_rows=len(rows),
            said_frac=float(probabilities[rows, column].mean()),
            came_frac=float((labels[rows] == column).mean()),
        )
        for rows in np.array_split(order, _BINS)
        if len(rows) > 0
    )


def _auc_interval(edge: FloatArray, labels: IntArray, at: IntArray, counts: FloatArray) -> Interval:
    moved = labels != HOLD
    if not moved.any():
        return Interval(value=None, low=None, high=None)
    _, group = np.unique(edge[moved], return_inverse=True)
    is_up = (labels[moved] > HOLD).astype(np.int64)
    drawn = np.array([_auc_of_groups(group, is_up, row[at[moved]]) for row in counts])
    return _interval(_auc_of_groups(group, is_up, np.ones(len(is_up))), drawn)


def _auc_of_groups(group: IntArray, is_up: IntArray, weights: FloatArray) -> float:
    up = np.bincount(group, weights * is_up)
    down = np.bincount(group, weights * (1 - is_up))
    pairs = up.sum() * down.sum()
    if pairs == 0:
        return float("nan")
    return float((up * (np.cumsum(down) - down / 2)).sum() / pairs)


def _ece_interval(probabilities: FloatArray, hit: FloatArray, at: IntArray, counts: FloatArray) -> Interval:
    n_dates = counts.shape[1]
    bins = np.minimum((probabilities * _BINS).astype(np.int64), _BINS - 1)
    gaps = []
    for column in range(N_CLASSES):
        gap = np.zeros((n_dates, _BINS))
        np.add.at(gap, (at, bins[:, column]), probabilities[:, column] - hit[:, column])
        gaps.append(gap)
    n_rows = np.bincount(at, minlength=n_dates).astype(np.float64)
    value = np.mean([np.abs(gap.sum(axis=0)).sum() for gap in gaps]) / n_rows.sum()
    drawn = np.mean([np.abs(counts @ gap).sum(axis=1) for gap in gaps], axis=0) / (counts @ n_rows)
    return _interval(value, drawn)


def _rank_ic_interval(edge: FloatArray, forward_frac: FloatArray, at: IntArray, counts: FloatArray) -> Interval:
    by_date = rank_ic_by_date(edge, forward_frac, at)
    known = ~np.isnan(by_date)
    if not known.any():
        return Interval(value=None, low=None, high=None)
    weights = counts[:, known]
    total = weights.sum(axis=1)
    drawn = (weights @ by_date[known])[total > 0] / total[total > 0]
    return _interval(by_date[known].mean(), drawn)


def _correlation(a: FloatArray, b: FloatArray) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def _interval(value: float | np.floating, drawn: FloatArray) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or len(known) == 0:
        return Interval(value=None, low=None, high=None)
    low, high = np.quantile(known, _LOW_HIGH)
    return Interval(value=float(value), low=float(low), high=float(high))
