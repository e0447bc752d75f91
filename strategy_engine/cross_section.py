"""Symbols beside each other, one row a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from market_data.bars import BoolArray, FloatArray


def leaders(scores: FloatArray, count: int, symbols: Sequence[str]) -> BoolArray:
    """Return where a symbol is among the `count` highest of its row, shape (n, m).

    scores: shape (n, m); NaN is not there, and never leads. Of equal scores the symbol whose name comes first
    leads, so that the order in which symbols are given changes nothing.
    """
    by_name = np.argsort(np.asarray(symbols))
    order = by_name[np.argsort(-scores[:, by_name], axis=1, kind="stable")]
    best = np.zeros(scores.shape, np.bool_)
    np.put_along_axis(best, order[:, :count], values=True, axis=1)
    return best & ~np.isnan(scores)


def shares(chosen: BoolArray, places: int) -> FloatArray:
    """Return 1 / places for each that is chosen and 0 elsewhere, shape (n, m)."""
    return np.where(chosen, 1.0 / places, 0.0)


def inverse_shares(chosen: BoolArray, values: FloatArray) -> FloatArray:
    """Return weights in inverse proportion to `values` over those chosen; each row sums to 1, or to 0.

    values: shape (n, m), > 0 where chosen; where one is not, it counts as not chosen.
    """
    usable = chosen & (values > 0.0)
    inverse = np.divide(1.0, values, out=np.zeros(values.shape), where=usable)
    total = inverse.sum(axis=1, keepdims=True)
    shared: FloatArray = np.divide(inverse, total, out=np.zeros(values.shape), where=total > 0.0)
    return shared


def spread(side: FloatArray, ratio: FloatArray, *, gross: float) -> FloatArray:
    """Return the weights of two symbols that hedge each other, shape (n, 2); they change only where the side does.

    side: shape (n,), 1.0 is long the first, -1.0 short it, 0.0 out. ratio: shape (n,), how much of the second
    goes with one of the first, > 0 where a side is entered. gross: what both add up to, as a fraction. Formula:
    side * gross / (1 + ratio) and -side * gross * ratio / (1 + ratio), with the ratio as it was at entry.
    """
    entered = np.maximum.accumulate(np.where(changes(side), np.arange(side.size), 0))
    hedge = np.where(side != 0.0, ratio[entered], 0.0)
    first = side * gross / (1.0 + hedge)
    return np.column_stack((first, -first * hedge))


def changes(side: FloatArray) -> BoolArray:
    """Return where `side` is another than one row before, shape (n,); before the first row it is 0."""
    changed: BoolArray = np.diff(side, prepend=0.0) != 0.0
    return changed
