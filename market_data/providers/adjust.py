"""What adjusting prices does to a bar, and how it stays a bar."""

from __future__ import annotations

import numpy as np

from market_data.bars import FloatArray


def widened(
    *, open_: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return (low, high) that enclose open and close exactly; shapes (n,).

    A sound bar can lose that by one rounding when its columns are multiplied by an adjustment factor, and
    some vendors give opens outside the range. Open and close were traded, so the range must hold them.
    """
    return np.minimum(low, np.minimum(open_, close)), np.maximum(high, np.maximum(open_, close))
