"""Candles drawn by hand, and what a scan must say of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_data.bars import Bars
from market_data.errors import DomainError
from pattern_engine.catalogue import PATTERNS
from pattern_engine.match import Match
from pattern_engine.scanner import scan

HOUR_NS = 3600 * 10**9
START_NS = 1_700_006_400 * 10**9

# Fourteen of these before each drawing set TA-Lib's averages: body 1 and range 2. So a body is long above 1
# and short below it, a doji's is up to 0.2, a shadow is very short below 0.2, and "near" is within 0.4.
PLAIN = (100.0, 101.5, 99.5, 101.0)

# name: direction, strength, candles as (open, high, low, close)
DRAWINGS = {
    "doji": ("neutral", 100, [(100, 101, 99, 100.1)]),
    "dragonfly_doji": ("neutral", 100, [(100, 100.05, 98, 100)]),
    "gravestone_doji": ("neutral", 100, [(100, 102, 99.95, 100)]),
    "rickshaw_man": ("neutral", 100, [(100, 101.2, 98.8, 100.05)]),
    "spinning_top": ("neutral", 100, [(100.3, 101, 99.2, 100)]),  # black: TA-Lib's sign is minus
    "marubozu": ("bullish", 100, [(100, 103.05, 99.95, 103)]),
    "belt_hold": ("bearish", 100, [(103, 103.05, 99, 100)]),
    "closing_marubozu": ("bearish", 100, [(103, 104, 99.95, 100)]),
    "hammer": ("bullish", 100, [(99.2, 99.65, 97, 99.6)]),
    "hanging_man": ("bearish", 100, [(101.5, 101.95, 99, 101.9)]),
    "shooting_star": ("bearish", 100, [(101.5, 104, 101.45, 101.8)]),
    "inverted_hammer": ("bullish", 100, [(99.4, 102, 99.35, 99.7)]),
    "engulfing": ("bullish", 100, [(101, 101.2, 99.8, 100), (99.9, 102.2, 99.7, 102)]),
    "harami": ("bullish", 100, [(104, 104.2, 99.8, 100), (101, 102, 100.8, 101.8)]),
    "dark_cloud_cover": ("bearish", 100, [(100, 103.2, 99.8, 103), (103.5, 103.7, 100.8, 101)]),
    "piercing": ("bullish", 100, [(103, 103.2, 99.8, 100), (99.5, 102.2, 99.3, 102)]),
    "kicking": ("bullish", 100, [(103, 103.05, 100.95, 101), (104, 106.05, 103.95, 106)]),
    "matching_low": ("bullish", 100, [(103, 103.2, 99.8, 100), (101, 101.2, 99.9, 100)]),
    "morning_star": (
        "bullish",
        100,
        [(101, 101.2, 96.8, 97), (96.5, 96.8, 95.9, 96.2), (96.6, 100.2, 96.4, 100)],
    ),
    "evening_star": (
        "bearish",
        100,
        [(100, 104.2, 99.8, 104), (104.6, 105.2, 104.4, 104.9), (104.3, 104.5, 100.8, 101)],
    ),
    "three_inside": (
        "bullish",
        100,
        [(104, 104.2, 99.8, 100), (101, 102, 100.8, 101.8), (102, 105, 101.8, 104.5)],
    ),
    "three_black_crows": (
        "bearish",
        100,
        [(100.8, 100.9, 98.9, 99), (99.9, 100, 97.45, 97.5), (98.5, 98.6, 95.95, 96)],
    ),
    "three_white_soldiers": (
        "bullish",
        100,
        [(100, 102.05, 99.9, 102), (101, 103.55, 100.9, 103.5), (102.5, 105.05, 102.4, 105)],
    ),
    "hikkake": ("bullish", 100, [(100, 104, 96, 101), (100.5, 102, 98, 101), (101, 101.5, 97.5, 98)]),
}


def draw(*candles, n_plain=14):
    opens, highs, lows, closes = np.array([PLAIN] * n_plain + list(candles), dtype=np.float64).reshape(-1, 4).T
    return Bars.from_arrays(
        symbol="DRAWN",
        timeframe="1h",
        time=START_NS + np.arange(len(opens)) * HOUR_NS,
        open=opens,
        high=highs,
        low=lows,
        close=closes,
        volume=np.zeros(len(opens)),
    )


def random_bars(seed, n):
    rng = np.random.default_rng(seed)
    moves = rng.choice([-0.4, -0.1, 0.0, 0.1, 0.4], (n, 4)).cumsum(axis=1)
    candles = 100 + moves - moves[:, :1]
    return draw(*zip(candles[:, 0], candles.max(axis=1), candles.min(axis=1), candles[:, 3], strict=True))


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawn_pattern_is_found_at_its_last_candle(name):
    direction, strength, candles = DRAWINGS[name]
    bars = draw(*candles)
    last = len(bars) - 1
    assert scan(bars, [name], last_bars=1) == [
        Match(
            symbol="DRAWN",
            pattern=name,
            direction=direction,
            strength=strength,
            bar_time_ns=START_NS + last * HOUR_NS,
            bar_index=last,
        )
    ]


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawn_pattern_is_not_found_before_its_last_candle(name):
    _, _, candles = DRAWINGS[name]
    assert scan(draw(*candles[:-1]), [name], last_bars=1) == []


def test_engulfing_turned_over_is_bearish():
    (match,) = scan(draw((100, 101.2, 99.8, 101), (101.1, 101.3, 99, 99.2)), ["engulfing"], last_bars=1)
    assert (match.direction, match.strength) == ("bearish", 100)


def test_engulfing_level_at_one_end_has_strength_80():
    (match,) = scan(draw((101, 101.2, 99.8, 100), (100, 102.2, 99.7, 102)), ["engulfing"], last_bars=1)
    assert (match.direction, match.strength) == ("bullish", 80)


def test_hikkake_is_confirmed_with_strength_200_at_the_confirming_bar():
    _, _, candles = DRAWINGS["hikkake"]
    found, confirmed = scan(draw(*candles, (98, 103, 97.9, 102.5)), ["hikkake"])
    assert (found.bar_index, found.direction, found.strength) == (16, "bullish", 100)
    assert (confirmed.bar_index, confirmed.direction, confirmed.strength) == (17, "bullish", 200)


def test_white_and_black_spinning_tops_are_both_neutral():
    tops = scan(draw((100, 101, 99.2, 100.3), (100.3, 101, 99.2, 100)), ["spinning_top"], last_bars=2)
    assert [match.direction for match in tops] == ["neutral", "neutral"]


def test_matches_are_sorted_by_time_then_pattern():
    matches = scan(random_bars(1, 300), last_bars=None)
    order = [(match.bar_time_ns, match.pattern) for match in matches]
    assert order == sorted(set(order))
    assert len(order) > 100


def test_scan_looks_for_all_patterns_unless_told():
    bars = random_bars(2, 300)
    assert scan(bars, last_bars=None) == scan(bars, list(PATTERNS), last_bars=None)


def test_pattern_asked_for_twice_is_found_once():
    assert len(scan(draw((100, 101, 99, 100.1)), ["doji", "doji"], last_bars=1)) == 1


def test_no_patterns_asked_for_finds_none():
    assert scan(draw((100, 101, 99, 100.1)), []) == []


def test_scan_keeps_to_the_last_five_bars_unless_told():
    bars = draw(*[(100, 101, 99, 100.1)] * 8)
    assert [match.bar_index for match in scan(bars, ["doji"])] == [17, 18, 19, 20, 21]


def test_last_bars_beyond_the_series_means_all_of_it():
    bars = random_bars(3, 40)
    assert scan(bars, last_bars=10_000) == scan(bars, last_bars=None)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_bars_give_an_empty_list(n):
    assert scan(draw(n_plain=n)) == []


@pytest.mark.parametrize("last_bars", [0, -1])
def test_last_bars_below_one_is_refused(last_bars):
    with pytest.raises(DomainError, match=f"last_bars must be at least 1, or None for all; was {last_bars}"):
        scan(draw(), last_bars=last_bars)


def test_unknown_pattern_is_refused_by_name():
    with pytest.raises(DomainError, match="was 'dojo'"):
        scan(draw(), ["doji", "dojo"])


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 300), last_bars=st.integers(1, 320))
@settings(max_examples=40, deadline=None)
def test_last_bars_narrows_the_answer_and_never_changes_it(seed, n, last_bars):
    bars = random_bars(seed, n)
    whole = scan(bars, last_bars=None)
    assert scan(bars, last_bars=last_bars) == [m for m in whole if m.bar_index >= len(bars) - last_bars]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 300), k=st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_later_bars_never_change_what_was_found(seed, n, k):
    bars = random_bars(seed, n)
    assert scan(bars[:k], last_bars=None) == [m for m in scan(bars, last_bars=None) if m.bar_index < k]


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_direction_is_the_one_of_the_catalogue_unless_that_says_both(seed):
    for match in scan(random_bars(seed, 200), last_bars=None):
        direction = PATTERNS[match.pattern].direction
        assert match.direction in (("bullish", "bearish") if direction == "both" else (direction,))
