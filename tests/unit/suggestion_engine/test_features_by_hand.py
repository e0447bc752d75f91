"""Formulas beside independent ones: pandas and numpy over whole series, TA-Lib over single windows."""

import numpy as np
import pandas as pd
import pytest
import talib
from numpy.testing import assert_allclose

from pattern_engine import scan
from suggestion_engine.feature_registry import FEATURES, RAW_FEATURES
from suggestion_engine.features import atr, raw_features
from tests.unit.suggestion_engine.random_bars import bars_of, random_bars

BARS = random_bars(500, seed=11)
ROWS = raw_features(BARS)
OPEN, H, L, C, V = (pd.Series(np.array(one)) for one in (BARS.open, BARS.high, BARS.low, BARS.close, BARS.volume))
R = np.log(C / C.shift())
TR = pd.concat([H, C.shift()], axis=1).max(axis=1) - pd.concat([L, C.shift()], axis=1).min(axis=1)
TR[0] = np.nan
ATR = TR.rolling(14).mean()
T = (H + L + C) / 3
DAYS = pd.DatetimeIndex(BARS.time.view("M8[ns]"))


def share_up(window):
    change = C.diff()
    up, down = change.clip(lower=0).rolling(window).sum(), (-change).clip(lower=0).rolling(window).sum()
    return up / (up + down)


def line(window):
    """Return slope, R squared and the newest residual of ln C by numpy's own fit."""
    found = np.full((3, len(C)), np.nan)
    x = np.arange(window)
    for i in range(window - 1, len(C)):
        y = np.log(C[i - window + 1 : i + 1].to_numpy())
        slope, start = np.polyfit(x, y, 1)
        found[:, i] = slope, np.corrcoef(x, y)[0, 1] ** 2, y[-1] - (start + slope * (window - 1))
    return found


def ended_ema(span, window):
    weights = (1 - 2 / (span + 1)) ** np.arange(window)[::-1]
    return C.rolling(window).apply(lambda values: np.average(values, weights=weights), raw=True)


def directional():
    up, down = H.diff(), -L.diff()
    plus = up.where((up > down) & (up > 0), 0.0).rolling(14).sum()
    minus = down.where((down > up) & (down > 0), 0.0).rolling(14).sum()
    return ((plus - minus) / (plus + minus)).where(np.arange(len(C)) >= 14)


def since(column, window, pick):
    return column.rolling(window).apply(lambda values: window - 1 - pick(values), raw=True)


def rank(column, window):
    def of_newest(values):
        return ((values[:-1] < values[-1]).sum() + (values[:-1] == values[-1]).sum() / 2) / (window - 1)

    return column.rolling(window).apply(of_newest, raw=True)


def efficiency(window):
    return np.log(C / C.shift(window)).abs() / R.abs().rolling(window).sum()


def days_to_month_end():
    return np.minimum(DAYS.day - 1, DAYS.days_in_month - DAYS.day)


def log_mean_ratio(column, fast, slow):
    return np.log(column.rolling(fast).mean() / column.rolling(slow).mean())


EXPECTED = {
    "body_frac": lambda: np.log(C / OPEN),
    "body_of_range": lambda: (C - OPEN) / (H - L),
    "upper_shadow_of_range": lambda: (H - np.maximum(OPEN, C)) / (H - L),
    "lower_shadow_of_range": lambda: (np.minimum(OPEN, C) - L) / (H - L),
    "range_frac": lambda: np.log(H / L),
    **{f"return_{k}": (lambda k=k: np.log(C / C.shift(k))) for k in (1, 5, 10, 20, 60, 120)},
    "momentum_12_1": lambda: np.log(C.shift(21) / C.shift(252)),
    "return_z_5": lambda: np.log(C / C.shift(5)) / (R.rolling(20).std() * 5**0.5),
    "rsi_2": lambda: share_up(2),
    "rsi_14": lambda: share_up(14),
    "stochastic_14": lambda: (C - L.rolling(14).min()) / (H.rolling(14).max() - L.rolling(14).min()),
    "aroon_25": lambda: (since(L, 26, np.argmin) - since(H, 26, np.argmax)) / 25,
    **{f"sma_gap_{k}": (lambda k=k: np.log(C / C.rolling(k).mean())) for k in (5, 20, 50, 200)},
    "ema_gap_12_26": lambda: np.log(ended_ema(12, 60) / ended_ema(26, 130)),
    "slope_20": lambda: line(20)[0],
    "slope_60": lambda: line(60)[0],
    "rsq_20": lambda: line(20)[1],
    "rsq_60": lambda: line(60)[1],
    "residual_20": lambda: line(20)[2] / R.rolling(20).std(),
    "directional_14": directional,
    "vol_20": lambda: R.rolling(20).std(),
    "vol_60": lambda: R.rolling(60).std(),
    "vol_ratio_5_20": lambda: np.log(R.rolling(5).std() / R.rolling(20).std()),
    "vol_ratio_20_60": lambda: np.log(R.rolling(20).std() / R.rolling(60).std()),
    "parkinson_20": lambda: ((np.log(H / L) ** 2).rolling(20).mean() / (4 * np.log(2))) ** 0.5,
    "atr_frac_14": lambda: ATR / C,
    "downside_share_20": lambda: (R.clip(upper=0) ** 2).rolling(20).sum() / (R**2).rolling(20).sum(),
    "skew_60": lambda: R.rolling(60).skew() * 58 / (60 * 59) ** 0.5,
    "max_return_20": lambda: R.rolling(20).max(),
    "autocorr_20": lambda: R.rolling(20).corr(R.shift()),
    "volume_ratio_5": lambda: np.log(1 + V / V.rolling(5).mean()),
    "volume_ratio_20": lambda: np.log(1 + V / V.rolling(20).mean()),
    "volume_trend_5_60": lambda: log_mean_ratio(V, 5, 60),
    "volume_cv_20": lambda: V.rolling(20).std() / V.rolling(20).mean(),
    "corr_return_volume_20": lambda: R.rolling(20).corr(V),
    "signed_volume_20": lambda: (np.sign(C.diff()) * V).rolling(20).sum() / V.rolling(20).sum(),
    "money_flow_20": lambda: (V * (2 * C - H - L) / (H - L)).rolling(20).sum() / V.rolling(20).sum(),
    "vwap_gap_20": lambda: np.log(C / ((T * V).rolling(20).sum() / V.rolling(20).sum())),
    "true_range_of_atr": lambda: TR / ATR,
    "range_ratio_5_20": lambda: log_mean_ratio(TR, 5, 20),
    "close_z_20": lambda: (C - C.rolling(20).mean()) / C.rolling(20).std(),
    "range_rank_10": lambda: rank(TR, 10),
    "gap_1": lambda: np.log(OPEN / C.shift()),
    "gap_of_atr": lambda: (OPEN - C.shift()) / ATR,
    "overnight_20": lambda: np.log(OPEN / C.shift()).rolling(20).sum(),
    "intraday_20": lambda: np.log(C / OPEN).rolling(20).sum(),
    "high_gap_20": lambda: np.log(C / H.rolling(20).max()),
    "low_gap_20": lambda: np.log(C / L.rolling(20).min()),
    "place_60": lambda: (C - L.rolling(60).min()) / (H.rolling(60).max() - L.rolling(60).min()),
    "high_gap_252": lambda: np.log(C / H.rolling(252).max()),
    "low_gap_252": lambda: np.log(C / L.rolling(252).min()),
    "bars_since_high_60": lambda: since(H, 60, np.argmax) / 59,
    "bars_since_low_60": lambda: since(L, 60, np.argmin) / 59,
    "weekday": lambda: DAYS.day_of_week,
    "turn_of_month_days": days_to_month_end,
    "month_sin": lambda: np.sin(2 * np.pi * (DAYS.month - 1) / 12),
    "month_cos": lambda: np.cos(2 * np.pi * (DAYS.month - 1) / 12),
    "efficiency_20": lambda: efficiency(20),
    "efficiency_60": lambda: efficiency(60),
    "choppiness_14": lambda: np.log(TR.rolling(14).sum() / (H.rolling(14).max() - L.rolling(14).min())) / np.log(14),
    "vol_rank_230": lambda: rank(R.rolling(20).std(), 230),
    "above_sma_200": lambda: (C - C.rolling(200).mean()).map(lambda gap: gap if np.isnan(gap) else float(gap > 0)),
}


def column(name):
    return ROWS[:, RAW_FEATURES.index(name)]


@pytest.mark.parametrize("name", EXPECTED)
def test_feature_equals_the_formula_of_pandas(name):
    assert_allclose(column(name), np.asarray(EXPECTED[name](), dtype=np.float64), rtol=1e-8, atol=1e-10)


def test_every_feature_but_cci_and_candlesticks_has_a_formula_of_pandas():
    patterns = {feature.name for feature in FEATURES if feature.group == "pattern"}
    assert set(RAW_FEATURES) - set(EXPECTED) == {"cci_20"} | patterns


def test_cci_equals_that_of_talib():
    assert_allclose(column("cci_20"), talib.CCI(BARS.high, BARS.low, BARS.close, 20) / 100, rtol=1e-9, atol=1e-9)


def test_aroon_equals_that_of_talib():
    assert_allclose(column("aroon_25"), talib.AROONOSC(BARS.high, BARS.low, 25) / 100, atol=1e-12)


def test_rsi_equals_that_of_talib_over_its_window_alone():
    for i in (14, 100, 499):
        window = np.array(BARS.close[i - 14 : i + 1])
        assert_allclose(column("rsi_14")[i], talib.RSI(window, 14)[-1] / 100, rtol=1e-12)


def test_atr_equals_the_first_value_of_talib_over_its_window_alone():
    ranges = atr(BARS, 14)
    assert np.isnan(ranges[:14]).all()
    for i in (14, 100, 499):
        rows = slice(i - 14, i + 1)
        expected = talib.ATR(*(np.array(one[rows]) for one in (BARS.high, BARS.low, BARS.close)), timeperiod=14)[-1]
        assert_allclose(ranges[i], expected, rtol=1e-12)


def test_atr_of_three_bars_by_hand():
    # True ranges: 12 - 9 = 3, and the gap down to 6 from the close of 10: 10 - 5 = 5.
    bars = bars_of([10, 11, 6], [11, 12, 7], [9, 9, 5], [10, 10, 6])
    assert_allclose(atr(bars, 2), [np.nan, np.nan, 4.0])


def test_candlestick_features_say_what_a_scan_finds():
    for i in range(100, 500, 7):
        newest = {match.pattern: match for match in scan(BARS[: i + 1], last_bars=1)}
        engulfing = newest.get("engulfing")
        expected = 0 if engulfing is None else {"bullish": 1, "bearish": -1}[engulfing.direction]
        assert column("pattern_engulfing")[i] == expected
        assert column("pattern_doji")[i] == ("doji" in newest)


def test_net_of_candlesticks_over_more_bars_contains_that_over_fewer():
    one_bar_ago, newest = column("pattern_net_10")[200:-1], column("pattern_net_10")[201:]
    assert (np.abs(newest - one_bar_ago) <= 10).all()
    assert np.abs(column("pattern_net_3")[23:]).max() >= 1


def test_newest_candlestick_ages_by_one_bar_a_bar_until_another_comes():
    age, direction = column("pattern_age")[40:] * 20, column("pattern_direction")[40:]
    grew = np.isclose(age[1:], age[:-1] + 1)
    assert (grew | (age[1:] == 0) | (age[:-1] == 20)).all()
    assert_allclose(direction[1:][grew & (age[1:] < 20)], direction[:-1][grew & (age[1:] < 20)])
    assert set(np.unique(direction)) <= {-1.0, 0.0, 1.0}
