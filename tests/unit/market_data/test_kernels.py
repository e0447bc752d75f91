import numpy as np
import pytest

from market_data.kernels import FLOAT, FLOATS, kernel


@kernel(FLOATS, FLOAT)
def first_over(values, divisor):
    return values[0] / divisor


def test_a_kernel_takes_locked_and_free_arrays_with_one_compiled_version():
    values = np.array([3.0])
    locked = values.copy()
    locked.flags.writeable = False
    assert first_over(values, 2.0) == first_over(locked, 2.0) == 1.5
    assert len(first_over.signatures) == 1


def test_a_kernel_divides_by_zero_as_numpy_does():
    assert first_over(np.array([1.0]), 0.0) == np.inf


def test_a_kernel_refuses_other_types_than_its_own():
    with pytest.raises(TypeError, match="No matching definition"):
        first_over(np.array(["1"]), 1.0)
