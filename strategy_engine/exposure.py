"""How much of the account is in the market at each close. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.kernels import BOOLS, FLOATS, INTS, kernel


@kernel(INTS, INTS, FLOATS, BOOLS, FLOATS, FLOATS)
def gross_exposure(  # noqa: PLR0917 -- a kernel takes its arguments by position
    entry_bar: IntArray, exit_bar: IntArray, size: FloatArray, is_open: BoolArray, close: FloatArray, equity: FloatArray
) -> FloatArray:
    """Return |value of positions| / equity at each close: shape (n,), as `close` and `equity` have.

    The rest: columns of the trades in one symbol. A position counts from the bar on which it is entered to the last
    before it is left, or to the very last if it is open.
    """
    exposure = np.zeros(close.size)
    for k in range(size.size):
        end = close.size if is_open[k] else exit_bar[k]
        for i in range(entry_bar[k], end):
            exposure[i] += abs(size[k]) * close[i] / equity[i]
    return exposure
