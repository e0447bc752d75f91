"""Features of price bars: scale-free, causal, the same over a tail as over the whole series.

1. `raw_features` computes every formula of the registry over windows of the bar's own symbol.
2. `latest_features` does so for the newest rows from the few bars that they need.
3. `with_ranks` appends where some of them stand in the reference universe that is stored with a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from market_data.bars import Bars, FloatArray
from market_data.errors import require
from suggestion_engine import feature_kernels as kernels
from suggestion_engine.errors import ReferenceRefused, TooFewBars
from suggestion_engine.feature_formulas import FORMULAS
from suggestion_engine.feature_registry import (
    FEATURE_NAMES,
    FEATURE_SET,
    FEATURES,
    RANKED,
    RAW_FEATURES,
    WARMUP_BARS,
    Feature,
)
from suggestion_engine.feature_series import ATR_BARS, Series

if TYPE_CHECKING:
    from suggestion_engine.reference import Reference

__all__ = [
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_SET",
    "LIMIT",
    "RANKED",
    "RAW_FEATURES",
    "WARMUP_BARS",
    "Feature",
    "atr",
    "latest_features",
    "latest_features_of_many",
    "raw_features",
    "with_ranks",
]

# Values are cut here: what is larger is a fault of the data, and float32 must hold it.
LIMIT: Final = 1e6
# So many symbols share a call: enough that the sums are what takes time, few enough that their columns stay in a
# processor's cache.
BATCH_SYMBOLS: Final = 32

_RANKED_COLUMNS: Final = np.array([RAW_FEATURES.index(name) for name in RANKED])
_WARMUPS: Final = np.array([feature.warmup_bars for feature in FEATURES[: len(RAW_FEATURES)]])


def raw_features(bars: Bars) -> FloatArray:
    """Return all features but the ranks, shape (n, len(RAW_FEATURES)), columns as in RAW_FEATURES.

    Row i uses bars 0 .. i only. NaN during each feature's warm-up and where it is undefined (see the registry).
    Prices times c and volumes times d give the same features. Dimensionless, or per bar where the registry says so.
    """
    rows: FloatArray = _rows([bars], first=0)[0]
    return rows


def latest_features(bars: Bars, last: int = 1) -> FloatArray:
    """Return the newest `last` rows of `raw_features(bars)`, bit for bit, from WARMUP_BARS + last bars.

    Raise TooFewBars if there are fewer than `last` bars; rows without their warm-up are NaN where it lacks.
    """
    require(last >= 1, f"last must be at least 1, was {last}")
    if len(bars) < last:
        raise TooFewBars(bars.symbol, needed=last, had=len(bars))
    tail = bars[max(0, len(bars) - last - WARMUP_BARS) :]
    rows: FloatArray = _rows([tail], first=len(tail) - last)[0]
    return rows


def latest_features_of_many(bars: Sequence[Bars], last: int = 1) -> FloatArray:
    """Return `latest_features` of many symbols, bit for bit, shape (s, last, len(RAW_FEATURES)), with far less work.

    Raise TooFewBars if one of them has fewer than WARMUP_BARS + last bars.
    """
    require(last >= 1, f"last must be at least 1, was {last}")
    needed = WARMUP_BARS + last
    short = next((one for one in bars if len(one) < needed), None)
    if short is not None:
        raise TooFewBars(short.symbol, needed=needed, had=len(short))
    rows = np.empty((len(bars), last, len(RAW_FEATURES)))
    for start in range(0, len(bars), BATCH_SYMBOLS):
        tails = [one[len(one) - needed :] for one in bars[start : start + BATCH_SYMBOLS]]
        rows[start : start + BATCH_SYMBOLS] = _rows(tails, first=WARMUP_BARS)
    return rows


def with_ranks(raw: FloatArray, reference: Reference) -> NDArray[np.float32]:
    """Return a model's input, shape (n, len(FEATURE_NAMES)) float32: the raw features and their ranks.

    raw: shape (n, len(RAW_FEATURES)). A rank depends on its own row and on `reference` alone; NaN stays NaN.
    Raise ReferenceRefused if the reference is one of other features.
    """
    if reference.feature_names != RAW_FEATURES:
        raise ReferenceRefused(
            f"the reference must be one of these {len(RAW_FEATURES)} features, it has "
            f"{len(reference.feature_names)} others"
        )
    return reference.with_percentiles(raw, _RANKED_COLUMNS)


def atr(bars: Bars, window: int = ATR_BARS) -> FloatArray:
    """Return the average true range, shape (n,), in the unit of the prices.

    The plain mean of the newest `window` true ranges, max(high, previous close) - min(low, previous close): Wilder's
    first value (1978, section III), without his endless smoothing, which no tail could repeat. Warm-up: `window` bars.
    """
    require(window >= 1, f"window must be at least 1, was {window}")
    high, low, close = (column[np.newaxis] for column in (bars.high, bars.low, bars.close))
    mean: FloatArray = kernels.window_mean(kernels.true_ranges(high, low, close), window, 0)[0]
    return mean


def _rows(bars: Sequence[Bars], *, first: int) -> FloatArray:
    """Return the rows from `first` on of bars of s symbols, n of each, shape (s, n - first, len(RAW_FEATURES))."""
    n_bars = len(bars[0])
    columns = np.empty((len(RAW_FEATURES), len(bars), n_bars - first))
    # Division by nothing is NaN by definition here, and prices near the ends of float64 may overflow on the way.
    with np.errstate(all="ignore"):
        series = Series(bars, first)
        for column, name in enumerate(RAW_FEATURES):
            columns[column] = FORMULAS[name](series)
    columns[~np.isfinite(columns)] = np.nan
    np.clip(columns, -LIMIT, LIMIT, out=columns)
    rows = np.ascontiguousarray(columns.transpose(1, 2, 0))
    if first < WARMUP_BARS:
        is_warming_up = np.arange(first, n_bars)[:, None] < _WARMUPS
        rows[:, is_warming_up] = np.nan
    return rows
