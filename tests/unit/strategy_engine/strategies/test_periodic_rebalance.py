import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import UniverseView
from strategy_engine.strategies import PeriodicRebalance
from tests.unit.strategy_engine.price_series import series


def test_all_that_have_a_price_get_the_same():
    universe = UniverseView([series("A", [10.0, 11.0, 12.0, 13.0]), series("B", [5.0, 6.0], first=2)])
    weights = PeriodicRebalance(rebalance_bars=2, gross_frac=0.8).weights(universe)
    assert_array_equal(np.flatnonzero(weights.rebalance), [0, 2])
    assert_allclose(weights.target[[0, 2]], [[0.8, 0.0], [0.4, 0.4]])


def test_the_quieter_symbol_gets_more():
    # Returns of A: +10 %, -10 %; of B: +20 %, -20 %: half as quiet, half the share.
    universe = UniverseView([series("A", [10.0, 11.0, 9.9]), series("B", [10.0, 12.0, 9.6])])
    weights = PeriodicRebalance(weighting="inverse_volatility", window=2, rebalance_bars=1).weights(universe)
    assert_array_equal(np.flatnonzero(weights.rebalance), [2])
    assert_allclose(weights.target[2], [2 / 3, 1 / 3])


def test_a_symbol_that_never_moves_has_no_share_of_its_own():
    universe = UniverseView([series("A", [10.0, 11.0, 9.9]), series("B", [10.0, 10.0, 10.0])])
    weights = PeriodicRebalance(weighting="inverse_volatility", window=2, rebalance_bars=1).weights(universe)
    assert_allclose(weights.target[2], [1.0, 0.0])
