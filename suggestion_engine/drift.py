"""How foreign a symbol's newest bars are to the universe a model was trained in.

1. PSI, the population stability index: sum((a - e) * ln(a / e)) over bins that hold a tenth of the universe each, and
   one for NaN; e and a are the universe's and the symbol's shares. Siddiqi (2006), "Credit Risk Scorecards", where
   0.25 means "shifted". That rule is for thousands of independent rows. Here are 60 neighbouring rows of one symbol: a
   calm utility is in the lowest bin of volatility all year and is healthy. So each feature has its own level, which
   99 % of healthy windows stay under (`calibrate_drift`), and a PSI is reported as a multiple of it.
2. Dissimilarity: the newest row's distance to the nearest row of a sample of the universe, over the mean distance
   within that sample. As in FreqAI's Dissimilarity Index (freqtrade documentation, "Feature engineering"), over
   features standardised by median and interquartile range.

What the calendar says cannot drift and is left out of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numba import types

from market_data.bars import BoolArray, FloatArray
from market_data.kernels import kernel
from suggestion_engine.errors import ReferenceRefused
from suggestion_engine.feature_registry import FEATURES, RAW_FEATURES
from suggestion_engine.reference import N_QUANTILES, Float32Array, Reference

WINDOW_ROWS: Final = 60
"""How many of a symbol's newest rows its PSI is taken over."""

HEALTHY_QUANTILE: Final = 0.99
_MATRIX: Final = types.Array(types.float32, 2, "C", readonly=True)
_INNER_DECILES: Final = tuple(range(10, 100, 10))
_N_BINS: Final = 11  # ten for values, one for NaN
_PRIOR_ROWS: Final = 0.5  # added to every bin, so that an empty one is rare and not impossible
_LEAST_LEVEL: Final = 0.05
_WATCHED: Final[BoolArray] = np.array([feature.group != "calendar" for feature in FEATURES[: len(RAW_FEATURES)]])


@dataclass(frozen=True, kw_only=True)
class DriftThresholds:
    """psi_max: multiple of a feature's healthy level; dissimilarity_max: multiple of the mean distance."""

    psi_max: float
    dissimilarity_max: float


@dataclass(frozen=True, kw_only=True)
class DriftReport:
    """psi_max: the worst feature's PSI as a multiple of its healthy level, psi_mean: the mean over all features."""

    psi_max: float
    psi_feature: str
    psi_mean: float
    dissimilarity: float
    is_drifted: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class CalibratedDrift:
    """A reference that knows its healthy PSI levels, and the thresholds that belong to it."""

    reference: Reference
    thresholds: DriftThresholds


def check_drift(reference: Reference, rows: FloatArray, row: FloatArray, thresholds: DriftThresholds) -> DriftReport:
    """Return how far a symbol has drifted from the reference.

    rows: shape (n, F) raw features, its newest WINDOW_ROWS bars (n >= 1); row: shape (F,), the one to be judged.
    """
    relative = _relative_psi(reference, rows)
    worst = int(np.argmax(relative))
    psi_max, distance = float(relative[worst]), dissimilarity(reference, row)
    feature = reference.feature_names[worst]
    reasons = []
    if psi_max > thresholds.psi_max:
        reasons.append(
            f"{feature} is distributed unlike the training data: {psi_max:.1f} times its usual PSI, "
            f"at most {thresholds.psi_max:.1f} expected"
        )
    if distance > thresholds.dissimilarity_max:
        reasons.append(
            f"the newest bar is far from all training data: dissimilarity {distance:.2f}, "
            f"at most {thresholds.dissimilarity_max:.2f} expected"
        )
    return DriftReport(
        psi_max=psi_max,
        psi_feature=feature,
        psi_mean=float(relative[_WATCHED].mean()),
        dissimilarity=distance,
        is_drifted=bool(reasons),
        reasons=tuple(reasons),
    )


def psi(reference: Reference, rows: FloatArray) -> FloatArray:
    """Return the population stability index of each raw feature, shape (F,), >= 0; 0 for the calendar's.

    rows: shape (n, F), n >= 1. Each bin has half a row added to both sides, the universe counting as 101 rows: with n
    = 60 a healthy feature is near 0.2 by chance alone, and one that sits in a single bin is near 4. Equal quantiles (a
    pattern that is mostly 0) share their bin.
    """
    n, n_features = rows.shape
    _check_width(reference, n_features)
    bins = _bins(reference)
    # As narrow as the quantiles are, or 0.7 would be above a quantile of 0.7.
    counts = _bin_counts(np.ascontiguousarray(rows.T, dtype=np.float32), bins.edges)
    actual = (counts + _PRIOR_ROWS) / (n + _PRIOR_ROWS * _N_BINS)
    expected = bins.shares
    index = ((actual - expected) * np.log(actual / expected)).sum(axis=1)
    return np.where(_WATCHED, index, 0.0)


def dissimilarity(reference: Reference, row: FloatArray) -> float:
    """Return a row's distance to the nearest row of the reference's sample, over the sample's mean distance.

    row: shape (F,). 0 for a row of the sample; around 0.5 for others of the universe; unbounded. NaN counts as the
    median.
    """
    _check_width(reference, len(row))
    sample = _watched_sample(reference)
    point = reference.standardised(row[None, :])[0, _WATCHED]
    nearest = float((sample.squares - 2.0 * (sample.rows @ point)).min() + point @ point)
    return float(np.sqrt(max(nearest, 0.0)) / sample.mean_distance)


def healthy_psi(reference: Reference, windows: Sequence[FloatArray]) -> FloatArray:
    """Return the PSI of each feature that 99 % of healthy windows stay under, shape (F,).

    windows: each (WINDOW_ROWS, F), consecutive raw rows of one symbol that the model was trained on.
    """
    if not windows:
        raise ReferenceRefused("healthy windows must be given to calibrate drift, there were none")
    each = np.array([psi(reference, window) for window in windows])
    levels: FloatArray = np.maximum(np.quantile(each, HEALTHY_QUANTILE, axis=0), _LEAST_LEVEL)
    return levels


def calibrate_drift(reference: Reference, windows: Sequence[FloatArray]) -> CalibratedDrift:
    """Return the reference with its healthy levels, and thresholds that 99 % of these windows stay under.

    windows: as in `healthy_psi`; hundreds of them, or the quantile is the largest one. The thresholds are measured on
    the same windows as the levels, so a little more than 1 % of new healthy ones exceed each.
    """
    levelled = reference.with_psi_levels(healthy_psi(reference, windows))
    worst = [float(_relative_psi(levelled, window).max()) for window in windows]
    distances = [dissimilarity(levelled, window[-1]) for window in windows]
    thresholds = DriftThresholds(
        psi_max=float(np.quantile(worst, HEALTHY_QUANTILE)),
        dissimilarity_max=float(np.quantile(distances, HEALTHY_QUANTILE)),
    )
    return CalibratedDrift(reference=levelled, thresholds=thresholds)


@dataclass(frozen=True, eq=False)
class _Bins:
    edges: Float32Array  # (F, 9)
    shares: FloatArray  # (F, 11) of the universe, the last of NaN


@dataclass(frozen=True, eq=False)
class _Sample:
    rows: FloatArray
    squares: FloatArray  # of each row's length
    mean_distance: float


def _relative_psi(reference: Reference, rows: FloatArray) -> FloatArray:
    return psi(reference, rows) / reference.psi_levels


# References are few, live as long as their models, and are hashed by identity.
@lru_cache(maxsize=16)
def _bins(reference: Reference) -> _Bins:
    edges = np.ascontiguousarray(reference.quantiles[:, _INNER_DECILES])
    counts = _bin_counts(np.ascontiguousarray(reference.quantiles), edges)
    nan_frac = reference.nan_frac.astype(np.float64)
    counts *= 1.0 - nan_frac[:, None]
    counts[:, -1] = N_QUANTILES * nan_frac
    shares: FloatArray = (counts + _PRIOR_ROWS) / (N_QUANTILES + _PRIOR_ROWS * _N_BINS)
    return _Bins(edges, shares)


@lru_cache(maxsize=16)
def _watched_sample(reference: Reference) -> _Sample:
    rows = reference.sample[:, _WATCHED].astype(np.float64)
    squares = np.einsum("ij,ij->i", rows, rows)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2.0 * rows @ rows.T, 0.0))
    n_pairs = len(rows) * (len(rows) - 1)
    mean = (distances.sum() - np.trace(distances)) / n_pairs if n_pairs > 0 else 0.0
    return _Sample(rows, squares, float(mean) if mean > 0.0 else 1.0)


def _check_width(reference: Reference, n_features: int) -> None:
    if reference.feature_names != RAW_FEATURES or n_features != len(RAW_FEATURES):
        raise ReferenceRefused(
            f"reference and rows must be of these {len(RAW_FEATURES)} features, they had "
            f"{len(reference.feature_names)} and {n_features}"
        )


@kernel(_MATRIX, _MATRIX)
def _bin_counts(columns: Float32Array, edges: Float32Array) -> FloatArray:
    """Return how many values of each feature are in each of its bins, shape (F, edges + 2); the last bin is NaN's.

    columns: shape (F, n); edges: (F, edges). A feature's edges never fall: a bin holds what is above its lower edge and
    not above its upper one.
    """
    n_features, n_edges = edges.shape
    counts = np.zeros((n_features, n_edges + 2))
    for feature in range(n_features):
        values = columns[feature]
        at_least = 0
        for i in range(values.size):
            at_least += values[i] == values[i]  # NaN equals nothing
        counts[feature, n_edges + 1] = values.size - at_least
        for edge in range(n_edges):
            above = 0
            for i in range(values.size):
                above += values[i] > edges[feature, edge]
            counts[feature, edge] = at_least - above
            at_least = above
        counts[feature, n_edges] = at_least
    return counts
