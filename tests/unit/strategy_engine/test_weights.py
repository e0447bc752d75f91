import numpy as np
import pytest
from numpy.testing import assert_array_equal

from market_data.errors import DomainError
from strategy_engine.weights import Weights, check_weights

ALWAYS = np.array([True, True])


def test_weights_of_the_right_shape_pass_and_lie_together():
    checked = check_weights(Weights(target=np.zeros((2, 6))[:, ::2], rebalance=ALWAYS), 2, 3)
    assert checked.target.flags.c_contiguous
    assert_array_equal(checked.rebalance, ALWAYS)


@pytest.mark.parametrize("target", [np.zeros((3, 2)), np.zeros((2, 3), np.int64), np.zeros(6), [[0.0] * 3] * 2, None])
def test_a_target_of_another_shape_or_type_is_refused(target):
    with pytest.raises(DomainError, match=r"target must be a float64 array of shape \(2, 3\), was"):
        check_weights(Weights(target=target, rebalance=ALWAYS), 2, 3)


def test_flags_of_another_length_are_refused():
    with pytest.raises(DomainError, match=r"rebalance must be a bool array of shape \(2,\), was bool of shape \(3,\)"):
        check_weights(Weights(target=np.zeros((2, 3)), rebalance=np.ones(3, np.bool_)), 2, 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_weight_must_be_a_number_where_it_counts(value):
    target = np.zeros((2, 3))
    target[1, 2] = value
    check_weights(Weights(target=target, rebalance=np.array([True, False])), 2, 3)
    with pytest.raises(DomainError, match=f"finite where rebalance is set; bar 1, symbol 2 was {value}"):
        check_weights(Weights(target=target, rebalance=ALWAYS), 2, 3)
