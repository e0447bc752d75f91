import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from market_data.errors import DomainError
from strategy_engine.equity_curve import thin


def walk(count, seed):
    return 100.0 * np.exp(np.random.default_rng(seed).normal(0.0, 0.05, count).cumsum())


def test_a_short_curve_is_kept_whole():
    time, equity = np.arange(5), walk(5, seed=1)
    curve = thin(time, equity, max_points=5)
    assert_array_equal(curve.time, time)
    assert_array_equal(curve.equity, equity)


def test_a_peak_and_trough_between_two_even_points_are_kept():
    equity = np.full(101, 100.0)
    equity[13], equity[17] = 150.0, 60.0
    curve = thin(np.arange(101), equity, max_points=7)
    assert_array_equal(curve.time, [0, 13, 17, 25, 50, 75, 100])
    assert_array_equal(curve.equity[1:3], [150.0, 60.0])


@given(st.integers(1, 3_000), st.integers(4, 600), st.integers(0, 2**32 - 1))
def test_a_thin_curve_keeps_its_ends_and_its_deepest_drawdown(count, max_points, seed):
    time, equity = np.arange(count) * 60, walk(count, seed)
    curve = thin(time, equity, max_points=max_points)
    assert len(curve) <= max_points
    assert (curve.time[0], curve.time[-1]) == (time[0], time[-1])
    assert (np.diff(curve.time) > 0).all()
    assert_array_equal(curve.equity, equity[curve.time // 60])
    deepest, shown = ((values / np.maximum.accumulate(values)).min() for values in (equity, curve.equity))
    assert shown == deepest


def test_fewer_than_four_points_are_refused():
    with pytest.raises(DomainError, match="max_points must be at least 4, was 3"):
        thin(np.arange(5), walk(5, seed=1), max_points=3)
