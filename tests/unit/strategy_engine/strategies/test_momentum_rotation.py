import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import UniverseView
from strategy_engine.strategies import MomentumRotation
from tests.unit.strategy_engine.price_series import series


def test_the_best_get_equal_shares_and_the_rest_nothing():
    # Over 2 bars A gains 20 %, B 50 %, C 0 %; later A 50 %, B -33 %, C 100 %.
    universe = UniverseView(
        [
            series("A", [10.0, 10.0, 12.0, 12.0, 18.0]),
            series("B", [10.0, 10.0, 15.0, 15.0, 10.0]),
            series("C", [10.0, 10.0, 10.0, 10.0, 20.0]),
        ]
    )
    weights = MomentumRotation(lookback=2, skip=0, top=2, rebalance_bars=2).weights(universe)
    assert_array_equal(np.flatnonzero(weights.rebalance), [2, 4])
    assert_array_equal(weights.target[[2, 4]], [[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]])


def test_the_newest_bars_are_left_out():
    universe = UniverseView([series("A", [10.0, 30.0, 1.0]), series("B", [10.0, 20.0, 90.0])])
    weights = MomentumRotation(lookback=2, skip=1, top=1, rebalance_bars=1).weights(universe)
    assert_array_equal(weights.target[2], [1.0, 0.0])


def test_of_equals_the_first_by_name_is_held():
    closes = [10.0, 11.0, 12.0]
    for names in (("A", "B"), ("B", "A")):
        weights = MomentumRotation(lookback=2, skip=0, top=1, rebalance_bars=1).weights(
            UniverseView([series(name, closes) for name in names])
        )
        assert_array_equal(weights.target[2], [name == "A" for name in names])


def test_a_symbol_without_the_history_waits_and_its_place_stays_cash():
    universe = UniverseView([series("A", [10.0, 10.0, 12.0, 12.0]), series("B", [5.0, 6.0], first=2)])
    weights = MomentumRotation(lookback=2, skip=0, top=2, rebalance_bars=1).weights(universe)
    assert_allclose(weights.target[2:], [[0.5, 0.0], [0.5, 0.0]])
