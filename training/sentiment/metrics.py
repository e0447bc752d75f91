"""Measures of three-class judgements, each beside what saying the commonest label would give."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.sentiment.tweets import LABELS

_N: Final = len(LABELS)
_ROUNDED: Final = 6


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What a model scores on a set; shares are fractions, `confusion[i][j]` counts label i judged as j."""

    rows: int
    accuracy: float
    macro_f1: float
    class_f1: tuple[float, ...]
    confusion: tuple[tuple[int, ...], ...]
    label_shares: tuple[float, ...]
    majority_accuracy: float
    majority_macro_f1: float
    accuracy_90: tuple[float, float]
    macro_f1_90: tuple[float, float]
    ece: float
    nll: float

    def to_json(self) -> dict[str, object]:
        """Return plain JSON values."""
        plain: dict[str, object] = json.loads(json.dumps(asdict(self)))
        return plain


def measure(labels: Sequence[int], probabilities: NDArray[np.float64], *, n_draws: int = 0, seed: int = 0) -> Measures:
    """Return the measures of probabilities [rows, 3]; `n_draws` > 0 adds bootstrap intervals of 90 %."""
    told = np.asarray(labels, dtype=np.int64)
    judged = probabilities.argmax(axis=1)
    confusion = _confusion(told, judged)
    shares = confusion.sum(axis=1) / max(1, len(told))
    commonest = _confusion(told, np.full_like(told, shares.argmax()))
    draws = _draws(told, judged, n_draws, seed)
    return Measures(
        rows=len(told),
        accuracy=_rounded(_accuracy(confusion)),
        macro_f1=_rounded(float(class_f1(confusion).mean())),
        class_f1=tuple(_rounded(one) for one in class_f1(confusion)),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
        label_shares=tuple(_rounded(one) for one in shares),
        majority_accuracy=_rounded(_accuracy(commonest)),
        majority_macro_f1=_rounded(float(class_f1(commonest).mean())),
        accuracy_90=_interval([_accuracy(one) for one in draws]),
        macro_f1_90=_interval([float(class_f1(one).mean()) for one in draws]),
        ece=_rounded(calibration_error(told, probabilities)),
        nll=_rounded(float(-np.log(probabilities[np.arange(len(told)), told].clip(1e-12)).mean())),
    )


def class_f1(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return F1 of each label, shape (3,): 2 hits / (told + judged); 0 for a label never told nor judged."""
    hits = confusion.diagonal().astype(np.float64)
    either = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores: NDArray[np.float64] = np.divide(2 * hits, either, out=np.zeros(_N), where=either > 0)
    return scores


def calibration_error(labels: NDArray[np.int64], probabilities: NDArray[np.float64], *, n_bins: int = 10) -> float:
    """Return the expected calibration error: the mean distance of confidence and accuracy over ten bins.

    Guo et al. (2017), "On Calibration of Modern Neural Networks".
    """
    confidence = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(hit[bins == one].mean() - confidence[bins == one].mean()) * (bins == one).mean() for one in np.unique(bins)
    ]
    return float(sum(gaps))


def _draws(told: NDArray[np.int64], judged: NDArray[np.int64], n_draws: int, seed: int) -> list[NDArray[np.int64]]:
    chance = np.random.default_rng(seed)
    rows = (chance.integers(0, len(told), len(told)) for _ in range(n_draws))
    return [_confusion(told[drawn], judged[drawn]) for drawn in rows]


def _confusion(told: NDArray[np.int64], judged: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(told * _N + judged, minlength=_N * _N).reshape(_N, _N).astype(np.int64)


def _accuracy(confusion: NDArray[np.int64]) -> float:
    return float(confusion.diagonal().sum() / max(1, confusion.sum()))


def _interval(values: list[float]) -> tuple[float, float]:
    if not values:
        return (0.0, 1.0)
    low, high = np.quantile(values, (0.05, 0.95))
    return (_rounded(float(low)), _rounded(float(high)))


def _rounded(value: float) -> float:
    return round(float(value), _ROUNDED)
