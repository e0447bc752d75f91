"""The indicators over a few bars that were worked out by hand, and what stands still."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import indicators
from tests.unit.strategy_engine.price_series import wicked_bars

NAN = np.nan


def test_ema_begins_with_the_plain_mean():
    # Mean of 1, 2, 6 = 3; share 2 / 4: 3 + (7 - 3) / 2 = 5; 5 + (3 - 5) / 2 = 4.
    assert_array_equal(indicators.ema(np.array([1.0, 2.0, 6.0, 7.0, 3.0]), 3), [NAN, NAN, 3, 5, 4])


def test_ema_waits_for_the_first_value_that_is_there():
    assert_array_equal(indicators.ema(np.array([NAN, NAN, 2.0, 4.0, 6.0]), 2), [NAN, NAN, NAN, 3, 5])


def test_macd_seeds_the_fast_average_on_the_bar_of_the_slow_one():
    # slow (3): mean(1, 2, 6) = 3, then 5. fast (1) is the value: 6 - 3 = 3, 7 - 5 = 2. signal (2): 2.5 on bar 3.
    line, signal, histogram = indicators.macd(np.array([1.0, 2.0, 6.0, 7.0]), 1, 3, 2)
    assert_array_equal(line, [NAN, NAN, 3, 2])
    assert_array_equal(signal, [NAN, NAN, NAN, 2.5])
    assert_array_equal(histogram, [NAN, NAN, NAN, -0.5])


def test_bands_stand_two_deviations_off():
    # Of 2 and 4 the mean is 3 and the deviation 1; of 4 and 4 it is 0.
    middle, upper, lower = indicators.bollinger(np.array([2.0, 4.0, 4.0]), 2, 2.0)
    assert_array_equal(middle, [NAN, 3, 4])
    assert_array_equal(upper, [NAN, 5, 4])
    assert_array_equal(lower, [NAN, 1, 4])


@pytest.mark.parametrize("price", [0.1, 12.34, 1e-9, 1e9])
def test_bands_around_a_price_that_stands_still_are_that_price(price):
    values = np.concatenate((np.linspace(2 * price, price, 50), np.full(60, price)))
    middle, upper, lower = indicators.bollinger(values, 20, 2.0)
    assert middle[-1] == upper[-1] == lower[-1] == price


def test_average_true_range_counts_gaps():
    # True ranges: bar 1: 12 - 9 = 3; bar 2 opens a gap: 20 - 11 = 9; bar 3: 20 - 17 = 3. Mean 6, then 4.5.
    high, low = np.array([10.0, 12.0, 20.0, 20.0]), np.array([8.0, 10.0, 18.0, 17.0])
    close = np.array([9.0, 11.0, 19.0, 18.0])
    assert_array_equal(indicators.true_range(high, low, close), [NAN, 3, 9, 3])
    assert_array_equal(indicators.atr(high, low, close, 2), [NAN, NAN, 6, 4.5])


def test_channel_is_the_average_of_closes_and_multiples_of_the_true_range():
    high, low = np.array([10.0, 12.0, 20.0]), np.array([8.0, 10.0, 18.0])
    close = np.array([9.0, 11.0, 19.0])
    middle, upper, lower = indicators.keltner(high, low, close, 1, 2, 0.5)
    assert_array_equal(middle, close)
    assert_array_equal(upper, [NAN, NAN, 22])
    assert_array_equal(lower, [NAN, NAN, 16])


def test_highest_and_lowest_of_three():
    values = np.array([3.0, 1.0, 2.0, 0.0, 5.0, 4.0])
    assert_array_equal(indicators.highest(values, 3), [NAN, NAN, 3, 2, 5, 5])
    assert_array_equal(indicators.lowest(values, 3), [NAN, NAN, 1, 0, 0, 0])


def test_change_is_a_fraction():
    assert_array_equal(indicators.change(np.array([2.0, 4.0, 1.0, 6.0]), 2), [NAN, NAN, -0.5, 0.5])


def test_before_is_what_was():
    assert_array_equal(indicators.before(np.array([1.0, 2.0, 3.0]), 1), [NAN, 1, 2])
    assert_array_equal(indicators.before(np.array([1.0, 2.0]), 0), [1, 2])


def test_directional_movement_of_a_market_that_only_rises():
    # Each bar's high rises by 1 and its low, too: movement 1 up, none down. True range: 3.5 - 1.5 = 2.
    high = np.arange(8.0) + 2.5
    plus, minus, adx = indicators.directional(high, high - 2.0, high - 1.0, 2)
    assert_array_equal(plus, [NAN, NAN, 50, 50, 50, 50, 50, 50])
    assert_array_equal(minus, [NAN, NAN, 0, 0, 0, 0, 0, 0])
    assert_array_equal(adx, [NAN, NAN, NAN, 100, 100, 100, 100, 100])


def test_directional_movement_of_a_market_that_stands_still_is_none():
    flat = np.full(12, 7.0)
    plus, minus, adx = indicators.directional(flat, flat, flat, 3)
    assert_array_equal(plus[3:], 0)
    assert_array_equal(minus[3:], 0)
    assert_array_equal(adx[5:], 0)


def test_supertrend_turns_where_a_close_leaves_the_band():
    # Range 2 throughout, one bar of average true range, width 1: the band of bar 1 is 8 to 12 around 10. Closes of 11
    # and 12 stay within, 13 leaves it upwards. Then the lower line only rises: bar 3 sets 11, bar 4 sets 12; 11.5
    # is below that.
    close = np.array([10.0, 10.0, 11.0, 13.0, 14.0, 13.0, 11.5])
    side = indicators.supertrend(close + 1.0, close - 1.0, close, 1, 1.0)
    assert_array_equal(side, [NAN, NAN, NAN, 1, 1, 1, -1])


@pytest.mark.parametrize("seed", range(4))
def test_supertrend_never_turns_while_closes_stay_on_its_side(seed):
    bars = wicked_bars(400, seed=seed)
    side = indicators.supertrend(bars.high, bars.low, bars.close, 10, 2.0)
    turns = np.flatnonzero((side[1:] != side[:-1]) & ~np.isnan(side[:-1])) + 1
    assert len(turns) > 3
    assert (np.sign(bars.close[turns] - bars.close[turns - 1]) == side[turns]).all()


def test_a_hedge_of_two_lines_is_their_slope():
    x = np.array([1.0, 2.0, 4.0, 3.0, 5.0])
    ratio, zscore = indicators.hedge(3.0 * x + 7.0, x, 3)
    assert_allclose(ratio, [NAN, NAN, 3, 3, 3])
    assert np.isnan(zscore).all()  # nothing is left over


def test_a_hedge_by_hand():
    # x: -1, 0, 1 around its mean; y: 0, 3, 0 around 1: -1, 2, -1. Slope 0; residuals as y; the last is -1, and their
    # deviation sqrt(6 / 3).
    ratio, zscore = indicators.hedge(np.array([0.0, 3.0, 0.0]), np.array([1.0, 2.0, 3.0]), 3)
    assert_array_equal(ratio, [NAN, NAN, 0])
    assert_allclose(zscore, [NAN, NAN, -1 / np.sqrt(2)])


def test_a_hedge_equals_covariance_over_variance_of_pandas():
    y, x = (np.log(wicked_bars(500, seed=seed).close) for seed in (5, 6))
    frame = pd.DataFrame({"y": y, "x": x})
    expected = frame.y.rolling(60).cov(frame.x) / frame.x.rolling(60).var()
    ratio, zscore = indicators.hedge(y, x, 60)
    assert_allclose(ratio, expected, rtol=1e-8)
    for i in (59, 200, 499):
        window = slice(i - 59, i + 1)
        slope, intercept = np.polyfit(x[window], y[window], 1)
        rests = y[window] - slope * x[window] - intercept
        assert_allclose(zscore[i], rests[-1] / rests.std(), rtol=1e-6)


def test_nothing_hedges_with_a_price_that_stands_still():
    ratio, zscore = indicators.hedge(np.array([1.0, 2.0, 4.0, 3.0]), np.full(4, 5.0), 3)
    assert np.isnan(ratio).all()
    assert np.isnan(zscore).all()


def test_a_bet_on_reversion_is_entered_left_and_stopped():
    #               enter short   left    enter long   stop     still armed off   armed   long again
    zscore = np.array([0.0, 2.0, 1.0, 0.4, -2.5, -3.6, -2.5, -0.3, -2.2, NAN, -0.5])
    side = indicators.reversion_side(zscore, 2.0, 0.5, 3.5)
    assert_array_equal(side, [0, -1, -1, 0, 1, 0, 0, 0, 1, 1, 0])


def test_opening_range_of_two_sessions():
    time = np.array([0, 5, 10, 15, 100, 105, 110])
    high = np.array([5.0, 6.0, 9.0, 4.0, 3.0, 2.0, 8.0])
    top, bottom, elapsed = indicators.opening_range(time, high, high - 1.0, 20, 10)
    assert_array_equal(top, [NAN, NAN, 6, 6, NAN, NAN, 3])
    assert_array_equal(bottom, [NAN, NAN, 4, 4, NAN, NAN, 1])
    assert_array_equal(elapsed, [0, 5, 10, 15, 0, 5, 10])


def test_only_the_first_of_each_session_counts():
    flags = np.array([False, True, True, False, True, True])
    elapsed = np.array([0, 1, 2, 0, 1, 2])
    assert_array_equal(np.flatnonzero(indicators.first_of_session(flags, elapsed)), [1, 4])
