"""The market's state for one symbol, in one of five words, from its own bars alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from market_data.bars import Bars, FloatArray
from suggestion_engine import feature_kernels as kernels
from suggestion_engine.feature_registry import RAW_FEATURES
from suggestion_engine.features import latest_features

RegimeName = Literal["bull_quiet", "bull_volatile", "bear_quiet", "bear_volatile", "sideways", "unknown"]

FAST_BARS: Final = 50
SLOW_BARS: Final = 200
TREND_MIN: Final = 0.02
"""How far apart the two averages must be for a trend, as ln(fast / slow): 2 %."""
VOLATILE_FROM_PCT: Final = 70.0
"""From which percentile of its own last year on volatility is called high."""
NEEDED_BARS: Final = 250

_VOL_20: Final = RAW_FEATURES.index("vol_20")
_VOL_RANK: Final = RAW_FEATURES.index("vol_rank_230")
_EFFICIENCY: Final = RAW_FEATURES.index("efficiency_60")


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """The state at the newest bar; NaN where the bars are too few to say.

    trend: ln(mean of 50 closes / mean of 200). volatility_pct: percentile of today's 20-bar volatility among its last
    230 values, 0 .. 100. volatility_per_bar: that volatility, deviation of log returns. efficiency: |move| / path over
    60 bars, 0 (noise) .. 1 (straight line).
    """

    name: RegimeName
    trend: float
    volatility_pct: float
    volatility_per_bar: float
    efficiency: float


def classify(bars: Bars, newest: FloatArray | None = None) -> Regime:
    """Return the regime at the newest bar; "unknown" with fewer than NEEDED_BARS bars.

    newest: that bar's raw features, shape (len(RAW_FEATURES),), where they are known already.

    bull: close and 50-bar mean are above the 200-bar mean, the latter by TREND_MIN; bear: both below, likewise; else
    sideways. volatile: volatility_pct >= VOLATILE_FROM_PCT, else quiet. The thresholds are conventions, not fitted.
    """
    if len(bars) < NEEDED_BARS:
        return Regime(name="unknown", trend=np.nan, volatility_pct=np.nan, volatility_per_bar=np.nan, efficiency=np.nan)
    row = latest_features(bars)[0] if newest is None else newest
    tail = bars.close[np.newaxis, -SLOW_BARS:]
    slow = float(kernels.window_mean(tail, SLOW_BARS, SLOW_BARS - 1)[0, 0])
    fast = float(kernels.window_mean(tail, FAST_BARS, SLOW_BARS - 1)[0, 0])
    trend = float(np.log(fast / slow))
    volatility_pct = 100.0 * float(row[_VOL_RANK])
    return Regime(
        name=_name(trend, float(np.log(tail[0, -1] / slow)), volatility_pct),
        trend=trend,
        volatility_pct=volatility_pct,
        volatility_per_bar=float(row[_VOL_20]),
        efficiency=float(row[_EFFICIENCY]),
    )


def _name(trend: float, gap: float, volatility_pct: float) -> RegimeName:
    is_volatile = volatility_pct >= VOLATILE_FROM_PCT
    if trend >= TREND_MIN and gap > 0.0:
        return "bull_volatile" if is_volatile else "bull_quiet"
    if trend <= -TREND_MIN and gap < 0.0:
        return "bear_volatile" if is_volatile else "bear_quiet"
    return "sideways"
