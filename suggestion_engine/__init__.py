"""Suggestions: pure functions from bars and trained models to what to do. No clock, chance or network.

Names are imported when first asked for: whoever wants the words for features loads neither numpy nor numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from suggestion_engine.version import ENGINE_VERSION

if TYPE_CHECKING:
    from suggestion_engine.drift import (
        CalibratedDrift,
        DriftReport,
        DriftThresholds,
        calibrate_drift,
        check_drift,
        dissimilarity,
        healthy_psi,
        psi,
    )
    from suggestion_engine.feature_registry import (
        FEATURE_NAMES,
        FEATURE_SET,
        FEATURES,
        RANKED,
        RAW_FEATURES,
        WARMUP_BARS,
        Feature,
    )
    from suggestion_engine.features import atr, latest_features, raw_features, with_ranks
    from suggestion_engine.labels import (
        BarrierLabels,
        cross_sectional_rank,
        forward_return,
        meta_labels,
        triple_barrier,
    )
    from suggestion_engine.reference import Reference, build_reference, load_reference
    from suggestion_engine.regime import Regime, classify

__all__ = [
    "ENGINE_VERSION",
    "FEATURES",
    "FEATURE_NAMES",
    "FEATURE_SET",
    "RANKED",
    "RAW_FEATURES",
    "WARMUP_BARS",
    "BarrierLabels",
    "CalibratedDrift",
    "DriftReport",
    "DriftThresholds",
    "Feature",
    "Reference",
    "Regime",
    "atr",
    "build_reference",
    "calibrate_drift",
    "check_drift",
    "classify",
    "cross_sectional_rank",
    "dissimilarity",
    "forward_return",
    "healthy_psi",
    "latest_features",
    "load_reference",
    "meta_labels",
    "psi",
    "raw_features",
    "triple_barrier",
    "with_ranks",
]

_LATE: Final = {
    "BarrierLabels": "labels",
    "CalibratedDrift": "drift",
    "DriftReport": "drift",
    "DriftThresholds": "drift",
    "FEATURES": "feature_registry",
    "FEATURE_NAMES": "feature_registry",
    "FEATURE_SET": "feature_registry",
    "Feature": "feature_registry",
    "RANKED": "feature_registry",
    "RAW_FEATURES": "feature_registry",
    "Reference": "reference",
    "Regime": "regime",
    "WARMUP_BARS": "feature_registry",
    "atr": "features",
    "build_reference": "reference",
    "calibrate_drift": "drift",
    "check_drift": "drift",
    "classify": "regime",
    "cross_sectional_rank": "labels",
    "dissimilarity": "drift",
    "forward_return": "labels",
    "healthy_psi": "drift",
    "latest_features": "features",
    "load_reference": "reference",
    "meta_labels": "labels",
    "psi": "drift",
    "raw_features": "features",
    "triple_barrier": "labels",
    "with_ranks": "features",
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
