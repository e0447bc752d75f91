"""Calibration: two numbers between a member's logits and its probabilities, fitted on a slice after its training.

    probabilities = softmax(scale * logits + (0, hold_shift, 0))        columns sell, hold, buy

`scale` takes back confidence that was not earned; `hold_shift` sets how often no barrier is hit. There is no shift
between sell and buy: it would carry one year's market direction into the next. Source of the idea: Guo et al.
(2017), "On Calibration of Modern Neural Networks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from market_data.bars import FloatArray, IntArray

HOLD: Final = 1
N_CLASSES: Final = 3
_STEPS: Final = 50
_TINY: Final = 1e-10


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What turns logits into probabilities; `scale` is at least 0."""

    scale: float
    hold_shift: float

    @property
    def shifts(self) -> tuple[float, float, float]:
        return (0.0, self.hold_shift, 0.0)

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Return shape (n, 3), rows sum to 1, of logits of the same shape."""
        return softmax(self.scale * logits + np.array(self.shifts))


def fit_calibration(logits: FloatArray, labels: IntArray) -> Calibration:
    """Return the calibration of least log loss on these rows, by Newton's method (the loss is convex).

    logits: shape (n, 3); labels: shape (n,), 0 sell, 1 hold, 2 buy.
    """
    direction = np.stack([logits, np.broadcast_to(np.eye(N_CLASSES)[HOLD], logits.shape)], axis=-1)
    hit = np.eye(N_CLASSES)[labels]
    point = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        step = _newton_step(point, direction, hit)
        point = _shorter_until_better(point, step, direction, hit)
        if np.abs(step).max() < _TINY:
            break
    if point[0] < 0:
        point = np.array([0.0, _shift_alone(hit)])
    return Calibration(scale=float(point[0]), hold_shift=float(point[1]))


def softmax(logits: FloatArray) -> FloatArray:
    """Return exp(logits) over its row sums, shape unchanged."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: FloatArray = raised / raised.sum(axis=1, keepdims=True)
    return result


def _newton_step(point: FloatArray, direction: FloatArray, hit: FloatArray) -> FloatArray:
    p = softmax(direction @ point)
    gradient = np.einsum("nk,nkj->j", p - hit, direction)
    mean = np.einsum("nk,nkj->nj", p, direction)
    hessian = np.einsum("nk,nki,nkj->ij", p, direction, direction) - mean.T @ mean
    # A member that answers the same for every row has no curvature in `scale`; the ridge leaves it where it is.
    step: FloatArray = -np.linalg.solve(hessian + _TINY * len(hit) * np.eye(len(point)), gradient)
    return step


def _shorter_until_better(point: FloatArray, step: FloatArray, direction: FloatArray, hit: FloatArray) -> FloatArray:
    before = _loss(point, direction, hit)
    length = 1.0
    while length > _TINY and _loss(point + length * step, direction, hit) > before:
        length /= 2
    return point + length * step


def _loss(point: FloatArray, direction: FloatArray, hit: FloatArray) -> float:
    p = softmax(direction @ point)
    return float(-np.log(np.maximum((p * hit).sum(axis=1), np.finfo(np.float64).tiny)).mean())


def _shift_alone(hit: FloatArray) -> float:
    share = float(hit[:, HOLD].mean())
    share = min(max(share, _TINY), 1 - _TINY)
    return float(np.log(2 * share / (1 - share)))
