"""The catalogue against TA-Lib itself, and its words."""

from typing import get_args

import numpy as np
import pytest
import talib
from talib import abstract

from market_data.errors import DomainError
from pattern_engine import PATTERNS, PatternName
from pattern_engine.names import Direction, check_pattern

TALIB_FUNCTIONS = set(talib.get_function_groups()["Pattern Recognition"])


def test_catalogue_holds_every_candlestick_function_of_talib_once():
    named = [spec.talib_function for spec in PATTERNS.values()]
    assert sorted(named) == sorted(TALIB_FUNCTIONS)
    assert len(named) == 61


def test_names_type_and_catalogue_agree_in_alphabetical_order():
    assert list(get_args(PatternName)) == list(PATTERNS) == sorted(PATTERNS)
    assert all(spec.name == name for name, spec in PATTERNS.items())


def test_every_spec_is_complete():
    for name, spec in PATTERNS.items():
        assert 1 <= spec.bars <= 5, name
        assert spec.direction in get_args(Direction), name
        assert spec.title[0].isupper(), name
        assert spec.description[0].isupper(), name
        assert spec.description.endswith("."), name


def test_formation_is_no_longer_than_what_talib_looks_at():
    for name, spec in PATTERNS.items():
        assert spec.bars - 1 <= abstract.Function(spec.talib_function).lookback, name


def test_directions_of_the_catalogue_are_the_signs_that_talib_gives():
    signs = {name: set() for name in PATTERNS}
    for columns in _busy_series(n_series=6, n_bars=100_000):
        for name, spec in PATTERNS.items():
            signs[name] |= set(np.unique(np.sign(getattr(talib, spec.talib_function)(*columns))).tolist()) - {0}
    expected = {"bullish": {1}, "bearish": {-1}, "both": {-1, 1}}
    for name, spec in PATTERNS.items():
        if spec.direction == "neutral":
            assert signs[name] in ({1}, {-1, 1}), name
        else:
            assert signs[name] <= expected[spec.direction], name


def test_unknown_pattern_is_refused_by_name():
    with pytest.raises(DomainError, match="was 'dojo'") as refusal:
        check_pattern("dojo")
    assert refusal.value.code == "invalid_value"


def _busy_series(*, n_series, n_bars):
    """Yield open, high, low, close on a tenth grid: bodies and shadows of all sizes, gaps, many ties."""
    rng = np.random.default_rng(20_240_229)
    for _ in range(n_series):
        bodies = np.round(rng.normal(size=n_bars) * rng.choice([0.02, 0.3, 1.0, 3.0], n_bars), 1)
        gaps = np.round(rng.normal(size=n_bars) * rng.choice([0.0, 0.3, 2.0], n_bars), 1)
        opens = 1e5 + np.cumsum(gaps) + np.concatenate(([0.0], np.cumsum(bodies)[:-1]))
        closes = opens + bodies
        above, below = (
            np.round(np.abs(rng.normal(size=n_bars)) * rng.choice([0.0, 0.02, 0.3, 2.0], n_bars), 1) for _ in range(2)
        )
        yield opens, np.maximum(opens, closes) + above, np.minimum(opens, closes) - below, closes
