"""The C functions of TA-Lib, called directly, are those that its Python package calls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from pattern_engine.candlesticks import search_of, wrapped_search_of
from pattern_engine.catalogue import PATTERNS
from pattern_engine.native_calls import find_detectors

NAMES = tuple(PATTERNS)
MOSTLY = 50


def prices(seed, n, *, is_coarse):
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))
    opens = closes * np.exp(rng.normal(0, 0.008, n))
    highs = np.maximum(opens, closes) * np.exp(np.abs(rng.normal(0, 0.004, n)))
    lows = np.minimum(opens, closes) * np.exp(-np.abs(rng.normal(0, 0.004, n)))
    columns = opens, highs, lows, closes
    return tuple(np.round(one * 2) / 2 for one in columns) if is_coarse else columns


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 200), st.integers(0, 200), st.booleans())
def test_they_answer_as_the_python_functions_do(seed, start, n_bars, is_coarse):
    columns = prices(seed, start + n_bars + 3, is_coarse=is_coarse)
    detectors = find_detectors([PATTERNS[name].talib_function for name in NAMES])
    assert detectors is not None, "TA-Lib's library does not offer its functions here: jobs are slower"
    found = detectors.search(columns, start, start + n_bars)
    assert_array_equal(found, wrapped_search_of(NAMES)(columns, start, start + n_bars))


def test_nearly_every_function_finds_something_in_such_prices():
    """A comparison of zeros would prove nothing."""
    search = search_of(NAMES)
    both = [search(prices(7, 60_000, is_coarse=is_coarse), 0, 60_000).any(axis=1) for is_coarse in (False, True)]
    assert np.count_nonzero(both[0] | both[1]) >= MOSTLY


def test_seven_functions_take_a_penetration():
    detectors = find_detectors([PATTERNS[name].talib_function for name in NAMES])
    assert detectors is not None
    taking = {name for name, takes in zip(NAMES, detectors.has_penetration, strict=True) if takes}
    assert taking == {
        "abandoned_baby",
        "dark_cloud_cover",
        "evening_doji_star",
        "evening_star",
        "mat_hold",
        "morning_doji_star",
        "morning_star",
    }


def test_functions_that_the_library_has_not_are_not_found():
    assert find_detectors(["CDLDOJI", "CDLNOSUCHTHING"]) is None


@pytest.mark.parametrize(("start", "end"), [(-1, 4), (3, 2), (0, 11)])
def test_bars_that_are_not_there_are_refused(start, end):
    with pytest.raises(IndexError, match=f"bars {start} to {end} must be among"):
        find_detectors(["CDLDOJI"]).search(prices(1, 10, is_coarse=False), start, end)
