"""The market's state at each bar, in one of six words, from closes up to it alone. Compiled."""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import FloatArray, IntArray
from market_data.kernels import FLOATS, kernel

REGIMES: Final = ("unknown", "bull_quiet", "bull_volatile", "bear_quiet", "bear_volatile", "sideways")
UNKNOWN: Final = 0
_BULL: Final = 1
_BEAR: Final = 3
_SIDEWAYS: Final = 5

FAST_BARS: Final = 50
SLOW_BARS: Final = 200
VOLATILITY_BARS: Final = 20
RANK_BARS: Final = 230
# How far apart the two averages must be for a trend, as ln(fast / slow): 2 %.
TREND_MIN: Final = 0.02
# From which share of its own last year, that is lower, volatility is called high.
VOLATILE_FROM: Final = 0.7
WARM_UP: Final = VOLATILITY_BARS + RANK_BARS  # bars before the first that has a word


@kernel(FLOATS)
def regimes(close: FloatArray) -> IntArray:
    """Return each bar's regime as an index of REGIMES; "unknown" before bar WARM_UP - 1.

    close: shape (n,), > 0. bull: close and its 50-bar mean are above the 200-bar mean, the latter by 2 % in logarithm;
    bear: both below, likewise; else sideways. volatile: the deviation of the last 20 log returns is at least the 70th
    percentile of its own last 230 values, else quiet. The thresholds are conventions, not fitted; the same by which
    suggestions are made.
    """
    n = close.size
    found = np.zeros(n, np.int64)
    sums = np.zeros(n + 1)
    returns = np.zeros(n)
    for i in range(n):
        sums[i + 1] = sums[i] + close[i]
        returns[i] = np.log(close[i] / close[i - 1]) if i > 0 else 0.0
    volatility = np.zeros(n)
    for i in range(VOLATILITY_BARS, n):
        window = returns[i - VOLATILITY_BARS + 1 : i + 1]
        volatility[i] = np.sqrt(((window - window.mean()) ** 2).sum() / (VOLATILITY_BARS - 1))
    for i in range(WARM_UP - 1, n):
        slow = (sums[i + 1] - sums[i + 1 - SLOW_BARS]) / SLOW_BARS
        fast = (sums[i + 1] - sums[i + 1 - FAST_BARS]) / FAST_BARS
        trend, gap = np.log(fast / slow), np.log(close[i] / slow)
        lower = 0.0
        for k in range(i - RANK_BARS + 1, i):
            lower += 1.0 if volatility[k] < volatility[i] else (0.5 if volatility[k] == volatility[i] else 0.0)
        is_volatile = lower / (RANK_BARS - 1) >= VOLATILE_FROM
        if trend >= TREND_MIN and gap > 0.0:
            found[i] = _BULL + is_volatile
        elif trend <= -TREND_MIN and gap < 0.0:
            found[i] = _BEAR + is_volatile
        else:
            found[i] = _SIDEWAYS
    return found
