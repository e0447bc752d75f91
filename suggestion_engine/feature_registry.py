"""Every feature: its name, what it belongs to, when it is first there, and its formula. Literal data, no numpy.

Words in the definitions: o, h, l, c, v are the bar's open, high, low, close and volume; x[k] is x of k bars ago; mean,
sd (ddof = 1), max, min and sum of (x, w) run over the newest w bars, this one included; r = ln(c / c[1]); tr is the
true range max(h, c[1]) - min(l, c[1]); atr = mean(tr, 14). Where a divisor is 0 (no range, no movement, no volume)
the feature is NaN unless its definition says a number. Everything is cut to +-1e6, so that it fits float32.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from suggestion_engine.version import KERNEL_VERSION

Group = Literal[
    "ratio",
    "momentum",
    "trend",
    "volatility",
    "volume",
    "range",
    "gap",
    "level",
    "calendar",
    "pattern",
    "regime",
    "rank",
]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column. warmup_bars: how many bars must come before the first bar that has it."""

    name: str
    group: Group
    warmup_bars: int
    definition: str


_COMPUTED: Final = (
    Feature("body_frac", "ratio", 0, "ln(c / o)"),
    Feature("body_of_range", "ratio", 0, "(c - o) / (h - l); 0 if h = l"),
    Feature("upper_shadow_of_range", "ratio", 0, "(h - max(o, c)) / (h - l); 0 if h = l"),
    Feature("lower_shadow_of_range", "ratio", 0, "(min(o, c) - l) / (h - l); 0 if h = l"),
    Feature("range_frac", "ratio", 0, "ln(h / l)"),
    Feature("return_1", "momentum", 1, "ln(c / c[1])"),
    Feature("return_5", "momentum", 5, "ln(c / c[5])"),
    Feature("return_10", "momentum", 10, "ln(c / c[10])"),
    Feature("return_20", "momentum", 20, "ln(c / c[20])"),
    Feature("return_60", "momentum", 60, "ln(c / c[60])"),
    Feature("return_120", "momentum", 120, "ln(c / c[120])"),
    Feature("momentum_12_1", "momentum", 252, "ln(c[21] / c[252])"),
    Feature("return_z_5", "momentum", 20, "ln(c / c[5]) / (sd(r, 20) * sqrt(5))"),
    Feature("rsi_2", "momentum", 2, "rises / (rises + falls) of c over 2 changes, by plain sums; 0.5 if none moved"),
    Feature("rsi_14", "momentum", 14, "rises / (rises + falls) of c over 14 changes, by plain sums; 0.5 if none moved"),
    Feature("stochastic_14", "momentum", 13, "(c - min(l, 14)) / (max(h, 14) - min(l, 14))"),
    Feature("cci_20", "momentum", 19, "t = (h + l + c) / 3; (t - mean(t, 20)) / (1.5 * mean |t - mean(t, 20)|)"),
    Feature("aroon_25", "momentum", 25, "(bars since min(l, 26) - bars since max(h, 26)) / 25"),
    Feature("sma_gap_5", "trend", 4, "ln(c / mean(c, 5))"),
    Feature("sma_gap_20", "trend", 19, "ln(c / mean(c, 20))"),
    Feature("sma_gap_50", "trend", 49, "ln(c / mean(c, 50))"),
    Feature("sma_gap_200", "trend", 199, "ln(c / mean(c, 200))"),
    Feature("ema_gap_12_26", "trend", 129, "ln(ema(c, 12) / ema(c, 26)); each ends at 5 spans: 60 and 130 bars"),
    Feature("slope_20", "trend", 19, "least-squares slope of ln c over 20 bars, per bar"),
    Feature("slope_60", "trend", 59, "least-squares slope of ln c over 60 bars, per bar"),
    Feature("rsq_20", "trend", 19, "R squared of that line over 20 bars; 0 if flat"),
    Feature("rsq_60", "trend", 59, "R squared of that line over 60 bars; 0 if flat"),
    Feature("residual_20", "trend", 20, "(ln c - that line over 20 bars) / sd(r, 20)"),
    Feature("directional_14", "trend", 14, "(sum(+DM, 14) - sum(-DM, 14)) / (sum of both); 0 if both are 0"),
    Feature("vol_20", "volatility", 20, "sd(r, 20), per bar"),
    Feature("vol_60", "volatility", 60, "sd(r, 60), per bar"),
    Feature("vol_ratio_5_20", "volatility", 20, "ln(sd(r, 5) / sd(r, 20))"),
    Feature("vol_ratio_20_60", "volatility", 60, "ln(sd(r, 20) / sd(r, 60))"),
    Feature("parkinson_20", "volatility", 19, "sqrt(mean(ln(h / l) ** 2, 20) / (4 ln 2))"),
    Feature("atr_frac_14", "volatility", 14, "atr / c"),
    Feature("downside_share_20", "volatility", 20, "sum(min(r, 0) ** 2, 20) / sum(r ** 2, 20)"),
    Feature("skew_60", "volatility", 60, "skewness of r over 60 bars; 0 if flat"),
    Feature("max_return_20", "volatility", 20, "max(r, 20)"),
    Feature("autocorr_20", "volatility", 21, "correlation of r and r[1] over 20 bars; 0 if flat"),
    Feature("volume_ratio_5", "volume", 4, "ln(1 + v / mean(v, 5))"),
    Feature("volume_ratio_20", "volume", 19, "ln(1 + v / mean(v, 20))"),
    Feature("volume_trend_5_60", "volume", 59, "ln(mean(v, 5) / mean(v, 60))"),
    Feature("volume_cv_20", "volume", 19, "sd(v, 20) / mean(v, 20)"),
    Feature(
        "corr_return_volume_20", "volume", 20, "correlation of r and v over 20 bars; 0 if flat, NaN without volume"
    ),
    Feature("signed_volume_20", "volume", 20, "sum(sign(c - c[1]) * v, 20) / sum(v, 20)"),
    Feature("money_flow_20", "volume", 19, "sum(v * (2c - h - l) / (h - l), 20) / sum(v, 20); a bar with h = l adds 0"),
    Feature("vwap_gap_20", "volume", 19, "t = (h + l + c) / 3; ln(c / (sum(t * v, 20) / sum(v, 20)))"),
    Feature("true_range_of_atr", "range", 14, "tr / atr"),
    Feature("range_ratio_5_20", "range", 20, "ln(mean(tr, 5) / mean(tr, 20))"),
    Feature("close_z_20", "range", 19, "(c - mean(c, 20)) / sd(c, 20)"),
    Feature("range_rank_10", "range", 10, "rank of tr in its newest 10, 0 narrowest .. 1 widest; ties share"),
    Feature("gap_1", "gap", 1, "ln(o / c[1])"),
    Feature("gap_of_atr", "gap", 14, "(o - c[1]) / atr"),
    Feature("overnight_20", "gap", 20, "sum(ln(o / c[1]), 20)"),
    Feature("intraday_20", "gap", 19, "sum(ln(c / o), 20)"),
    Feature("high_gap_20", "level", 19, "ln(c / max(h, 20))"),
    Feature("low_gap_20", "level", 19, "ln(c / min(l, 20))"),
    Feature("place_60", "level", 59, "(c - min(l, 60)) / (max(h, 60) - min(l, 60))"),
    Feature("high_gap_252", "level", 251, "ln(c / max(h, 252))"),
    Feature("low_gap_252", "level", 251, "ln(c / min(l, 252))"),
    Feature("bars_since_high_60", "level", 59, "bars since max(h, 60), the newest of equals, / 59"),
    Feature("bars_since_low_60", "level", 59, "bars since min(l, 60), the newest of equals, / 59"),
    Feature("weekday", "calendar", 0, "0 Monday .. 6 Sunday, of the bar's UTC date"),
    Feature("turn_of_month_days", "calendar", 0, "calendar days from the bar's date to the nearest end of its month"),
    Feature("month_sin", "calendar", 0, "sin(2 pi (month - 1) / 12)"),
    Feature("month_cos", "calendar", 0, "cos(2 pi (month - 1) / 12)"),
    Feature("pattern_net_3", "pattern", 16, "bullish minus bearish candlesticks on the newest 3 bars"),
    Feature("pattern_net_10", "pattern", 23, "bullish minus bearish candlesticks on the newest 10 bars"),
    Feature(
        "pattern_direction", "pattern", 33, "sign of the newest bar of 20 with a net candlestick signal; 0 if none"
    ),
    Feature("pattern_age", "pattern", 33, "how many bars ago that was / 20; 1 if none"),
    Feature("pattern_engulfing", "pattern", 14, "1 bullish, -1 bearish engulfing, else 0"),
    Feature("pattern_hammer", "pattern", 14, "1 hammer or inverted hammer, -1 hanging man or shooting star, else 0"),
    Feature("pattern_star", "pattern", 14, "1 morning star, -1 evening star, else 0"),
    Feature("pattern_doji", "pattern", 14, "1 doji, else 0"),
    Feature("efficiency_20", "regime", 20, "|ln(c / c[20])| / sum(|r|, 20); 0 if nothing moved"),
    Feature("efficiency_60", "regime", 60, "|ln(c / c[60])| / sum(|r|, 60); 0 if nothing moved"),
    Feature("choppiness_14", "regime", 14, "ln(sum(tr, 14) / (max(h, 14) - min(l, 14))) / ln 14"),
    Feature("vol_rank_230", "regime", 249, "rank of sd(r, 20) in its newest 230 values, 0 calmest .. 1 wildest"),
    Feature("above_sma_200", "regime", 199, "1 if c > mean(c, 200), else 0"),
)

# Where the bar stands in the reference universe that is stored with a model: never among the symbols asked for.
RANKED: Final = (
    "return_5",
    "return_20",
    "return_60",
    "momentum_12_1",
    "vol_20",
    "volume_ratio_20",
    "rsi_14",
    "high_gap_252",
)

_BY_NAME: Final = {feature.name: feature for feature in _COMPUTED}

FEATURES: Final = _COMPUTED + tuple(
    Feature(
        f"rank_{name}",
        "rank",
        _BY_NAME[name].warmup_bars,
        f"share of the model's reference universe below {name}, by interpolation between its 101 quantiles",
    )
    for name in RANKED
)
FEATURE_NAMES: Final = tuple(feature.name for feature in FEATURES)
RAW_FEATURES: Final = tuple(feature.name for feature in _COMPUTED)
WARMUP_BARS: Final = max(feature.warmup_bars for feature in FEATURES)

# The hash that names this set: a model trained on another one is refused.
FEATURE_SET: Final = hashlib.sha256(
    "\n".join(
        [KERNEL_VERSION, *(f"{one.name}|{one.group}|{one.warmup_bars}|{one.definition}" for one in FEATURES)]
    ).encode()
).hexdigest()
