"""The union of times, beside numpy's."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from market_data.common_times import common_times

columns = st.lists(st.integers(-5, 30), unique=True, max_size=20).map(lambda found: np.array(sorted(found), np.int64))


@given(st.lists(columns, min_size=1, max_size=4))
def test_the_union_is_that_of_numpy(times):
    assert_array_equal(common_times(times), np.unique(np.concatenate(times)))


def test_equal_columns_are_not_copied():
    time = np.arange(5)
    assert common_times([time, time.copy()]) is time
