import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import UniverseView
from strategy_engine.strategies import Pairs
from tests.unit.strategy_engine.price_series import series

BASE = np.exp(np.sin(np.arange(40.0)) / 10.0)


def pair(strays, *, slope=2.0):
    """Return two symbols of which the first is the second to the power of `slope`, strayed by some logarithms."""
    noise = np.where(np.arange(40) % 2 == 0, 0.001, -0.001)
    first = np.exp(slope * np.log(BASE) + noise + strays)
    return UniverseView([series("Y", 50.0 * first), series("X", 20.0 * BASE)])


def test_what_strays_is_sold_against_its_hedge_until_it_returns():
    strays = np.zeros(40)
    strays[30] = 0.05
    weights = Pairs(window=20, entry_z=2.5, exit_z=0.5, stop_z=10.0).weights(pair(strays))
    assert_array_equal(np.flatnonzero(weights.rebalance), [30, 31])
    assert_array_equal(weights.target[31], [0.0, 0.0])
    first, second = weights.target[30]
    assert first < 0.0 < second
    assert_allclose(abs(first) + abs(second), 1.0)
    assert second / -first == pytest.approx(2.0, abs=0.3)  # the slope, which the stray itself has bent


def test_weights_stay_as_they_were_at_entry():
    strays = np.zeros(40)
    strays[30:33] = -0.05, -0.04, -0.04
    weights = Pairs(window=20, entry_z=2.5, exit_z=0.5, stop_z=10.0, gross_frac=0.5).weights(pair(strays))
    entered, left = np.flatnonzero(weights.rebalance)
    assert entered == 30
    assert left > 31
    assert weights.target[30, 0] > 0.0 > weights.target[30, 1]
    assert_array_equal(weights.target[30:left], np.broadcast_to(weights.target[30], (left - 30, 2)))
    assert_allclose(np.abs(weights.target[30]).sum(), 0.5)


def test_a_stray_beyond_the_stop_is_not_entered():
    strays = np.zeros(40)
    strays[30] = 0.05
    weights = Pairs(window=20, entry_z=2.5, exit_z=0.5, stop_z=2.6).weights(pair(strays))
    assert not weights.rebalance.any()


def test_prices_that_go_against_each_other_are_no_pair():
    strays = np.zeros(40)
    strays[30] = 0.05
    weights = Pairs(window=20, entry_z=2.0, exit_z=0.5, stop_z=10.0).weights(pair(strays, slope=-2.0))
    assert not weights.rebalance.any()


def test_a_row_on_which_one_has_no_bar_decides_nothing():
    strays = np.zeros(40)
    strays[30] = 0.05
    first, second = (pair(strays).view(j) for j in range(2))
    gap = UniverseView([series("Y", first.close), series("X", np.delete(second.close, 30), skip=30)])
    assert not Pairs(window=20, entry_z=2.5, exit_z=0.5, stop_z=10.0).weights(gap).rebalance[:40].any()
