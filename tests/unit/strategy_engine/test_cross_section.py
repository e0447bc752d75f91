import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from strategy_engine import cross_section

NAN = np.nan
SCORES = arrays(np.float64, (4, 5), elements=st.sampled_from([NAN, -1.0, 0.0, 0.5, 2.0]))


def test_leaders_are_the_highest_that_are_there():
    scores = np.array([[3.0, 1.0, 2.0], [NAN, 1.0, NAN], [1.0, 1.0, 1.0]])
    led = cross_section.leaders(scores, 2, ["C", "B", "A"])
    assert_array_equal(led, [[True, False, True], [False, True, False], [False, True, True]])


@given(SCORES, st.integers(1, 6), st.permutations(range(5)))
def test_leaders_do_not_depend_on_the_order_of_symbols(scores, count, order):
    names = np.array(list("ABCDE"))
    led = cross_section.leaders(scores, count, names)
    assert_array_equal(cross_section.leaders(scores[:, order], count, names[list(order)]), led[:, order])
    assert_array_equal(led.sum(axis=1), np.minimum(count, (~np.isnan(scores)).sum(axis=1)))


def test_inverse_shares_sum_to_one_or_to_nothing():
    values = np.array([[1.0, 3.0], [NAN, 2.0], [0.0, 0.0]])
    shares = cross_section.inverse_shares(np.full((3, 2), fill_value=True), values)
    assert_allclose(shares, [[0.75, 0.25], [0.0, 1.0], [0.0, 0.0]])


def test_a_spread_keeps_its_weights_until_the_side_changes():
    side = np.array([0.0, 1.0, 1.0, 0.0, -1.0])
    target = cross_section.spread(side, np.array([NAN, 3.0, 9.0, NAN, 1.0]), gross=2.0)
    assert_array_equal(target, [[0.0, 0.0], [0.5, -1.5], [0.5, -1.5], [0.0, 0.0], [-1.0, 1.0]])
    assert_array_equal(cross_section.changes(side), [False, True, False, True, True])
