"""What a strategy of several symbols answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_data.bars import BoolArray, FloatArray
from market_data.errors import DomainError


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """How the equity is spread over n times and m symbols, decided at each close.

    target: shape (n, m), signed fractions of equity; negative is short, and what is left to 1 stays cash.
    rebalance: shape (n,), boolean: where orders are sent that bring the account to its target. Rows of
    `target` without one mean nothing.
    """

    target: FloatArray
    rebalance: BoolArray


def check_weights(weights: Weights, count: int, symbols: int) -> Weights:
    """Return the same weights, contiguous; raise DomainError unless both have their shape and are numbers."""
    _check("target", weights.target, np.dtype(np.float64), (count, symbols))
    _check("rebalance", weights.rebalance, np.dtype(np.bool_), (count,))
    bad = np.argwhere(weights.rebalance[:, None] & ~np.isfinite(weights.target))
    if bad.size > 0:
        bar, symbol = map(int, bad[0])
        found = weights.target[bar, symbol]
        raise DomainError(f"target must be finite where rebalance is set; bar {bar}, symbol {symbol} was {found}")
    return Weights(target=np.ascontiguousarray(weights.target), rebalance=np.ascontiguousarray(weights.rebalance))


def _check(name: str, column: object, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> None:
    if not isinstance(column, np.ndarray) or column.dtype != dtype or column.shape != shape:
        found = f"{column.dtype} of shape {column.shape}" if isinstance(column, np.ndarray) else type(column).__name__
        raise DomainError(f"{name} must be a {dtype} array of shape {shape}, was {found}")
