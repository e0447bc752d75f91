"""Features of price bars: scale-free, causal, the same over a tail as over the whole series.

1. `raw_features` computes every formula of the registry over windows of the bar's own symbol.
2. `latest_features` does so for the newest rows from the few bars that they need.
3. `with_ranks` appends where some of them stand in the reference universe that is stored with a model.
"""

from __future__ import annotations

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
    "raw_features",
    "with_ranks",
]

# Values are cut here: what is larger is a fault of the data, and float32 must hold it.
LIMIT: Final = 1e6

_RANKED_COLUMNS: Final = tuple(RAW_FEATURES.index(name) for name in RANKED)
_WARMUPS: Final = np.array([feature.warmup_bars for feature in FEATURES[: len(RAW_FEATURES)]])


def raw_features(bars: Bars) -> FloatArray:
    """Return all features but the ranks, shape (n, len(RAW_FEATURES)), columns as in RAW_FEATURES.

    Row i uses bars 0 .. i only. NaN during each feature's warm-up and where it is undefined (see the registry).
    Prices times c and volumes times d give the same features. Dimensionless, or per bar where the registry says so.
    """
    return _rows(bars, first=0)


def latest_features(bars: Bars, last: int = 1) -> FloatArray:
    """Return the newest `last` rows of `raw_features(bars)`, bit for bit, from WARMUP_BARS + last bars.

    Raise TooFewBars if there are fewer than `last` bars; rows without their warm-up are NaN where it lacks.
    """
    require(last >= 1, f"last must be at least 1, was {last}")
    if len(bars) < last:
        raise TooFewBars(bars.symbol, needed=last, had=len(bars))
    tail = bars[max(0, len(bars) - last - WARMUP_BARS) :]
    return _rows(tail, first=len(tail) - last)


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
    ranks = [reference.percentile(raw[:, column], name) for column, name in zip(_RANKED_COLUMNS, RANKED, strict=True)]
    return np.column_stack((raw, *ranks)).astype(np.float32)


def atr(bars: Bars, window: int = ATR_BARS) -> FloatArray:
    """Return the average true range, shape (n,), in the unit of the prices.

    The plain mean of the newest `window` true ranges, max(high, previous close) - min(low, previous close): Wilder's
    first value (1978, section III), without his endless smoothing, which no tail could repeat. Warm-up: `window` bars.
    """
    require(window >= 1, f"window must be at least 1, was {window}")
    return kernels.window_mean(kernels.true_ranges(bars.high, bars.low, bars.close), window, 0)


def _rows(bars: Bars, *, first: int) -> FloatArray:
    n_rows = len(bars) - first
    rows = np.empty((n_rows, len(RAW_FEATURES)))
    # Division by nothing is NaN by definition here, and prices near the ends of float64 may overflow on the way.
    with np.errstate(all="ignore"):
        series = Series(bars, first)
        for column, name in enumerate(RAW_FEATURES):
            rows[:, column] = FORMULAS[name](series)
    rows[~np.isfinite(rows)] = np.nan
    np.clip(rows, -LIMIT, LIMIT, out=rows)
    is_warming_up = np.arange(first, len(bars))[:, None] < _WARMUPS
    rows[is_warming_up] = np.nan
    return rows
