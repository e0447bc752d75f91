"""Segments and warm-up: what is asked for must never change what is found."""

import numpy as np
import pytest
import talib
from bokeh_sampledata import stocks
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from talib import abstract

from market_data.bars import Bars
from pattern_engine.candlesticks import SEGMENT_BARS, WARM_UP_BARS, signals
from pattern_engine.catalogue import PATTERNS

NAMES = tuple(PATTERNS)
DAY_NS = 86_400 * 10**9
# Two of the series of shocked_cent_bars in which plain TA-Lib answers otherwise when it is called on a tail.
# The shock and the answers are in one segment, so that a scan of tails instead of segments would fail too.
SHOCK_SEEDS = (217, 284)
N_SHOCKED = 128


def make_bars(opens, highs, lows, closes):
    n = len(opens)
    return Bars.from_arrays(
        symbol="TEST",
        timeframe="1d",
        time=np.arange(n) * DAY_NS,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=np.ones(n),
    )


def smooth_bars(seed, n):
    """Return bars of a random walk whose prices use all their digits: no two comparisons tie."""
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.005, n)))
    opens = closes * np.exp(rng.normal(0, 0.006, n))
    highs = np.maximum(opens, closes) * np.exp(np.abs(rng.normal(0, 0.003, n)))
    lows = np.minimum(opens, closes) * np.exp(-np.abs(rng.normal(0, 0.003, n)))
    return make_bars(opens, highs, lows, closes)


def shocked_cent_bars(seed):
    """Return bars a few cents tall, so that comparisons tie, after some at 1,000 times the price.

    The shock leaves rounding dirt in every running sum that passed it.
    """
    rng = np.random.default_rng(seed)
    closes = 100 + np.cumsum(rng.integers(-3, 4, N_SHOCKED)) * 0.01
    opens = closes + rng.integers(-3, 4, N_SHOCKED) * 0.01
    opens[:80] *= 1000
    closes[:80] *= 1000
    opens, closes = np.round(opens, 2), np.round(closes, 2)
    highs = np.round(np.maximum(opens, closes) + rng.integers(0, 4, N_SHOCKED) * 0.01, 2)
    lows = np.round(np.minimum(opens, closes) - rng.integers(0, 4, N_SHOCKED) * 0.01, 2)
    return make_bars(opens, highs, lows, closes)


def real_bars(ticker):
    data = getattr(stocks, ticker)
    return make_bars(*(np.array(data[name]) for name in ("open", "high", "low", "close")))


def talib_signals(bars):
    columns = bars.open, bars.high, bars.low, bars.close
    return np.array([getattr(talib, spec.talib_function)(*columns) for spec in PATTERNS.values()])


@pytest.mark.parametrize("seed", range(4))
def test_signals_of_a_random_walk_equal_plain_talib_calls(seed):
    bars = smooth_bars(seed, 1000)
    found = signals(bars, NAMES, first_bar=0)
    assert_array_equal(found, talib_signals(bars))
    assert np.count_nonzero(found) > 1000


@pytest.mark.parametrize("ticker", ["AAPL", "GOOG", "IBM"])
def test_signals_of_real_prices_equal_plain_talib_calls(ticker):
    bars = real_bars(ticker)
    assert_array_equal(signals(bars, NAMES, first_bar=0), talib_signals(bars))


def test_warm_up_is_the_longest_lookback_of_talib():
    lookbacks = [abstract.Function(spec.talib_function).lookback for spec in PATTERNS.values()]
    assert max(lookbacks) == WARM_UP_BARS


def test_signals_from_any_bar_on_equal_those_of_the_whole_series():
    bars = real_bars("MSFT")
    whole = signals(bars, NAMES, first_bar=0)
    for first_bar in range(0, len(bars), 41):
        assert_array_equal(signals(bars, NAMES, first_bar=first_bar), whole[:, first_bar:])


def test_newest_bar_of_every_prefix_of_real_prices_says_what_the_whole_series_says():
    bars = real_bars("AAPL")[:1500]
    assert_every_newest_bar_agrees_with_the_whole(bars)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 2 * SEGMENT_BARS + 40))
@settings(max_examples=12, deadline=None)
def test_newest_bar_of_every_prefix_says_what_the_whole_series_says(seed, n):
    assert_every_newest_bar_agrees_with_the_whole(smooth_bars(seed, n))


@pytest.mark.parametrize("seed", SHOCK_SEEDS)
def test_a_price_shock_long_ago_changes_no_answer_of_the_newest_bar(seed):
    assert_every_newest_bar_agrees_with_the_whole(shocked_cent_bars(seed))


@pytest.mark.parametrize("seed", SHOCK_SEEDS)
def test_a_price_shock_long_ago_does_change_plain_talib_calls(seed):
    # The reason for segments. If this fails, TA-Lib has mended its sums, and one short call is enough.
    bars = shocked_cent_bars(seed)
    whole = talib_signals(bars)
    differs = [
        bool(np.any(talib_signals(bars[bar - WARM_UP_BARS : bar + 1])[:, -1] != whole[:, bar]))
        for bar in range(WARM_UP_BARS, len(bars))
    ]
    assert any(differs)


def test_signals_follow_the_names_asked_for_in_their_order():
    bars = smooth_bars(7, 300)
    whole = signals(bars, NAMES, first_bar=250)
    some = signals(bars, ("spinning_top", "doji"), first_bar=250)
    assert_array_equal(some, whole[[NAMES.index("spinning_top"), NAMES.index("doji")]])


@pytest.mark.parametrize("n", [0, 1, 2])
def test_signals_of_too_few_bars_are_all_zero(n):
    found = signals(smooth_bars(0, n), NAMES, first_bar=0)
    assert found.shape == (61, n)
    assert not found.any()


def assert_every_newest_bar_agrees_with_the_whole(bars):
    whole = signals(bars, NAMES, first_bar=0)
    for k in range(1, len(bars) + 1):
        assert_array_equal(signals(bars[:k], NAMES, first_bar=k - 1)[:, 0], whole[:, k - 1], err_msg=f"bar {k - 1}")
