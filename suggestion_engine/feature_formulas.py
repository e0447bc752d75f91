"""The formulas of `feature_registry`, by name. All work on windows, so a tail gives what the whole series gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from market_data.bars import FloatArray
from suggestion_engine import feature_kernels as kernels
from suggestion_engine.candle_signals import NET_BARS
from suggestion_engine.feature_series import VOL_RANK_BARS, Series, quotient

Formula = Callable[[Series], FloatArray]

_LN_14: Final = float(np.log(14.0))
_THURSDAY: Final = 3  # 1970-01-01, counted from Monday


def _log_ratio(dividend: FloatArray, divisor: FloatArray) -> FloatArray:
    # Infinite where either is 0, and what is not finite becomes NaN in the end.
    return np.log(dividend / divisor)


def _of_range(part: Callable[[Series], FloatArray]) -> Formula:
    return lambda s: quotient(part(s), s.now(s.high) - s.now(s.low), otherwise=0.0)


def _upper_shadow(s: Series) -> FloatArray:
    return s.now(s.high) - np.maximum(s.now(s.open), s.now(s.close))


def _lower_shadow(s: Series) -> FloatArray:
    return np.minimum(s.now(s.open), s.now(s.close)) - s.now(s.low)


def _log_return(n_bars: int) -> Formula:
    return lambda s: s.log_return(n_bars)


def _strength(window: int) -> Formula:
    def strength(s: Series) -> FloatArray:
        rises = s.mean(s.rises, window)
        return quotient(rises, rises + s.mean(s.falls, window), otherwise=0.5)

    return strength


def _stochastic_14(s: Series) -> FloatArray:
    return quotient(s.now(s.close) - s.lowest_14, s.highest_14 - s.lowest_14)


def _cci_20(s: Series) -> FloatArray:
    typical = s.typical_price
    deviation = kernels.window_mean_deviation(typical, 20, s.first)
    return quotient(s.now(typical) - s.mean(typical, 20), 1.5 * deviation)


def _aroon_25(s: Series) -> FloatArray:
    since_low = kernels.bars_since_max(-s.low, 26, s.first)
    return (since_low - kernels.bars_since_max(s.high, 26, s.first)) / 25.0


def _sma_gap(window: int) -> Formula:
    return lambda s: np.log(s.now(s.close) / s.mean(s.close, window))


def _ema_gap(s: Series) -> FloatArray:
    fast = kernels.decayed_mean(s.close, 12.0, 60, s.first)
    return np.log(fast / kernels.decayed_mean(s.close, 26.0, 130, s.first))


def _directional_14(s: Series) -> FloatArray:
    moves = kernels.directional_moves(s.high, s.low)
    up, down = s.mean(moves[0], 14), s.mean(moves[1], 14)
    return quotient(up - down, up + down, otherwise=0.0)


def _downside_share_20(s: Series) -> FloatArray:
    squares = s.returns**2
    return quotient(s.mean(np.where(s.returns > 0.0, 0.0, squares), 20), s.mean(squares, 20))


def _autocorr_20(s: Series) -> FloatArray:
    return kernels.window_correlation(s.returns, _before(s.returns), 20, s.first)


def _volume_ratio(window: int) -> Formula:
    return lambda s: np.log1p(quotient(s.now(s.volume), s.mean(s.volume, window)))


def _corr_return_volume(s: Series) -> FloatArray:
    correlation = kernels.window_correlation(s.returns, s.volume, 20, s.first)
    return np.where(s.mean_volume_20 == 0.0, np.nan, correlation)


def _signed_volume_20(s: Series) -> FloatArray:
    return quotient(s.mean(np.sign(s.changes) * s.volume, 20), s.mean_volume_20)


def _money_flow_20(s: Series) -> FloatArray:
    place = quotient(2.0 * s.close - s.high - s.low, s.high - s.low, otherwise=0.0)
    return quotient(s.mean(place * s.volume, 20), s.mean_volume_20)


def _vwap_gap_20(s: Series) -> FloatArray:
    return np.log(s.now(s.close) / quotient(s.mean(s.typical_price * s.volume, 20), s.mean_volume_20))


def _close_z_20(s: Series) -> FloatArray:
    mean, deviation = s.mean(s.close, 20), s.std(s.close, 20)
    return quotient(s.now(s.close) - mean, np.where(deviation <= kernels.FLAT * mean, 0.0, deviation))


def _before(column: FloatArray) -> FloatArray:
    return np.concatenate((np.full((len(column), 1), np.nan), column[:, :-1]), axis=1)


def _overnight_20(s: Series) -> FloatArray:
    return s.total(np.log(s.open / _before(s.close)), 20)


def _place_60(s: Series) -> FloatArray:
    lowest = s.lowest(60)
    return quotient(s.now(s.close) - lowest, s.highest(60) - lowest)


def _weekday(s: Series) -> FloatArray:
    weekday: FloatArray = ((s.days.astype(np.int64) + _THURSDAY) % 7).astype(np.float64)
    return weekday


def _turn_of_month_days(s: Series) -> FloatArray:
    since_start = (s.days - s.months.astype("M8[D]")).astype(np.int64)
    to_end = ((s.months + 1).astype("M8[D]") - s.days).astype(np.int64) - 1
    nearest: FloatArray = np.minimum(since_start, to_end).astype(np.float64)
    return nearest


def _month_angle(s: Series) -> FloatArray:
    # Months count from January 1970.
    angle: FloatArray = 2.0 * np.pi * (s.months.astype(np.int64) % 12).astype(np.float64) / 12.0
    return angle


def _newest_pattern(row: int, unit_bars: float) -> Formula:
    return lambda s: kernels.newest_signal(s.candles.net, NET_BARS, s.first)[row] / unit_bars


def _efficiency(window: int) -> Formula:
    def efficiency(s: Series) -> FloatArray:
        return quotient(np.abs(s.log_return(window)), s.total(np.abs(s.returns), window), otherwise=0.0)

    return efficiency


def _choppiness_14(s: Series) -> FloatArray:
    return _log_ratio(s.total(s.true_range, 14), s.highest_14 - s.lowest_14) / _LN_14


def _vol_rank_230(s: Series) -> FloatArray:
    return kernels.window_rank(s.past_vol_20, VOL_RANK_BARS, s.past_vol_20.shape[1] - s.n_rows)


FORMULAS: Final[Mapping[str, Formula]] = MappingProxyType(
    {
        "body_frac": lambda s: np.log(s.now(s.close) / s.now(s.open)),
        "body_of_range": _of_range(lambda s: s.now(s.close) - s.now(s.open)),
        "upper_shadow_of_range": _of_range(_upper_shadow),
        "lower_shadow_of_range": _of_range(_lower_shadow),
        "range_frac": lambda s: np.log(s.now(s.high) / s.now(s.low)),
        "return_1": _log_return(1),
        "return_5": _log_return(5),
        "return_10": _log_return(10),
        "return_20": _log_return(20),
        "return_60": _log_return(60),
        "return_120": _log_return(120),
        "momentum_12_1": lambda s: s.log_return(252, skip=21),
        "return_z_5": lambda s: quotient(s.log_return(5), s.vol_20 * np.sqrt(5.0)),
        "rsi_2": _strength(2),
        "rsi_14": _strength(14),
        "stochastic_14": _stochastic_14,
        "cci_20": _cci_20,
        "aroon_25": _aroon_25,
        "sma_gap_5": _sma_gap(5),
        "sma_gap_20": _sma_gap(20),
        "sma_gap_50": _sma_gap(50),
        "sma_gap_200": _sma_gap(200),
        "ema_gap_12_26": _ema_gap,
        "slope_20": lambda s: s.line_20[0],
        "slope_60": lambda s: s.line_60[0],
        "rsq_20": lambda s: s.line_20[1],
        "rsq_60": lambda s: s.line_60[1],
        "residual_20": lambda s: quotient(s.line_20[2], s.vol_20),
        "directional_14": _directional_14,
        "vol_20": lambda s: s.vol_20,
        "vol_60": lambda s: s.vol_60,
        "vol_ratio_5_20": lambda s: _log_ratio(s.volatility(5), s.vol_20),
        "vol_ratio_20_60": lambda s: _log_ratio(s.vol_20, s.vol_60),
        "parkinson_20": lambda s: np.sqrt(s.mean(np.log(s.high / s.low) ** 2, 20) / (4.0 * np.log(2.0))),
        "atr_frac_14": lambda s: s.atr / s.now(s.close),
        "downside_share_20": _downside_share_20,
        "skew_60": lambda s: kernels.window_skew(s.returns, 60, s.first),
        "max_return_20": lambda s: kernels.window_max(s.returns, 20, s.first),
        "autocorr_20": _autocorr_20,
        "volume_ratio_5": _volume_ratio(5),
        "volume_ratio_20": _volume_ratio(20),
        "volume_trend_5_60": lambda s: _log_ratio(s.mean(s.volume, 5), s.mean(s.volume, 60)),
        "volume_cv_20": lambda s: quotient(s.std(s.volume, 20), s.mean_volume_20),
        "corr_return_volume_20": _corr_return_volume,
        "signed_volume_20": _signed_volume_20,
        "money_flow_20": _money_flow_20,
        "vwap_gap_20": _vwap_gap_20,
        "true_range_of_atr": lambda s: quotient(s.now(s.true_range), s.atr),
        "range_ratio_5_20": lambda s: _log_ratio(s.mean(s.true_range, 5), s.mean(s.true_range, 20)),
        "close_z_20": _close_z_20,
        "range_rank_10": lambda s: kernels.window_rank(s.true_range, 10, s.first),
        "gap_1": lambda s: np.log(s.now(s.open) / s.ago(s.close, 1)),
        "gap_of_atr": lambda s: quotient(s.now(s.open) - s.ago(s.close, 1), s.atr),
        "overnight_20": _overnight_20,
        "intraday_20": lambda s: s.total(np.log(s.close / s.open), 20),
        "high_gap_20": lambda s: np.log(s.now(s.close) / s.highest(20)),
        "low_gap_20": lambda s: np.log(s.now(s.close) / s.lowest(20)),
        "place_60": _place_60,
        "high_gap_252": lambda s: np.log(s.now(s.close) / s.highest(252)),
        "low_gap_252": lambda s: np.log(s.now(s.close) / s.lowest(252)),
        "bars_since_high_60": lambda s: kernels.bars_since_max(s.high, 60, s.first) / 59.0,
        "bars_since_low_60": lambda s: kernels.bars_since_max(-s.low, 60, s.first) / 59.0,
        "weekday": _weekday,
        "turn_of_month_days": _turn_of_month_days,
        "month_sin": lambda s: np.sin(_month_angle(s)),
        "month_cos": lambda s: np.cos(_month_angle(s)),
        "pattern_net_3": lambda s: s.total(s.candles.net, 3),
        "pattern_net_10": lambda s: s.total(s.candles.net, 10),
        "pattern_direction": _newest_pattern(0, 1.0),
        "pattern_age": _newest_pattern(1, float(NET_BARS)),
        "pattern_engulfing": lambda s: s.candles.engulfing,
        "pattern_hammer": lambda s: s.candles.hammer,
        "pattern_star": lambda s: s.candles.star,
        "pattern_doji": lambda s: s.candles.doji,
        "efficiency_20": _efficiency(20),
        "efficiency_60": _efficiency(60),
        "choppiness_14": _choppiness_14,
        "vol_rank_230": _vol_rank_230,
        "above_sma_200": lambda s: (s.now(s.close) > s.mean(s.close, 200)).astype(np.float64),
    }
)
