"""What the networks see: the last bars of a symbol as rows of some features."""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import IntArray
from suggestion_engine.feature_registry import RAW_FEATURES
from training.suggestion.members.member import Float32Array

SEQUENCE_BARS: Final = 40
SEQUENCE_FEATURES: Final = (
    "return_1",
    "body_of_range",
    "true_range_of_atr",
    "gap_of_atr",
    "volume_ratio_20",
    "rsi_14",
    "close_z_20",
    "sma_gap_50",
    "vol_20",
    "vol_ratio_5_20",
    "high_gap_252",
    "momentum_12_1",
)
_COLUMNS: Final = np.array([RAW_FEATURES.index(name) for name in SEQUENCE_FEATURES])


def sequences_at(raw: Float32Array, places: IntArray) -> Float32Array:
    """Return shape (n, 40, 12): the bars that end at each of `places`, oldest first, channels as SEQUENCE_FEATURES.

    raw: shape (bars, len(RAW_FEATURES)); each place must have 39 bars of its own symbol before it.
    """
    window = places[:, None] + np.arange(1 - SEQUENCE_BARS, 1)
    result: Float32Array = raw[:, _COLUMNS][window]
    return result
