import numpy as np
from numpy.testing import assert_array_equal

from strategy_engine import UniverseView
from strategy_engine.strategies import DualMomentum
from tests.unit.strategy_engine.price_series import series


def test_the_best_is_held_while_it_beats_the_hurdle():
    # Over 2 bars: A 20 %, B 50 %; then both fall.
    universe = UniverseView([series("A", [10.0, 10.0, 12.0, 11.0, 6.0]), series("B", [10.0, 10.0, 15.0, 15.0, 10.0])])
    weights = DualMomentum(lookback=2, rebalance_bars=2).weights(universe)
    assert_array_equal(np.flatnonzero(weights.rebalance), [2, 4])
    assert_array_equal(weights.target[[2, 4]], [[0.0, 1.0], [0.0, 0.0]])


def test_a_hurdle_must_be_beaten_not_met():
    universe = UniverseView([series("A", [10.0, 10.0, 15.0]), series("B", [10.0, 10.0, 10.0])])
    for hurdle_frac, held in ((0.5, 0.0), (0.49, 1.0)):
        weights = DualMomentum(lookback=2, hurdle_frac=hurdle_frac, rebalance_bars=1).weights(universe)
        assert weights.target[2, 0] == held


def test_each_of_several_places_is_filled_or_stays_cash():
    universe = UniverseView([series("A", [10.0, 10.0, 15.0]), series("B", [10.0, 10.0, 9.0])])
    weights = DualMomentum(lookback=2, top=2, rebalance_bars=1).weights(universe)
    assert_array_equal(weights.target[2], [0.5, 0.0])
