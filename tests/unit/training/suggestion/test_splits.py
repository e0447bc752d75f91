"""Folds: nothing that a label saw stands on both sides of a border."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import DataRefused
from training.suggestion.splits import walk_forward


@st.composite
def dated_rows(draw):
    """Rows of several symbols over 2009 to 2017, with labels that look up to 40 days ahead."""
    step = draw(st.integers(1, 9))
    n_symbols = draw(st.integers(1, 3))
    grid = np.arange(np.datetime64("2006-01-01"), np.datetime64("2017-11-01"), step)
    days = np.repeat(grid, n_symbols)
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return days, days + chance.integers(1, 40, len(days)).astype("timedelta64[D]")


def folds_of(days, ends, **changed):
    given_ = {"first_test_year": 2012, "hold_out_year": 2016, "train_years": 4, "embargo_days": 7, **changed}
    return walk_forward(days, ends, **given_)


@given(dated_rows(), st.integers(0, 20))
def test_labels_of_a_slice_end_before_the_next_slice_and_its_embargo(rows, embargo_days):
    days, ends = rows
    gap = np.timedelta64(embargo_days, "D")
    for fold in folds_of(days, ends, embargo_days=embargo_days):
        assert ends[fold.train].max() + gap < days[fold.calibration].min()
        assert ends[fold.calibration].max() + gap < days[fold.test].min()
        assert not set(fold.train) & set(fold.calibration)
        assert not set(fold.calibration) & set(fold.test)


@given(dated_rows())
def test_test_slices_cover_every_later_row_once(rows):
    days, ends = rows
    tested = np.concatenate([fold.test for fold in folds_of(days, ends)])
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(days >= np.datetime64("2012-01-01")))


def test_the_last_fold_tests_from_the_hold_out_year_to_the_end():
    days = np.arange(np.datetime64("2006-01-01"), np.datetime64("2017-11-01"))
    last = folds_of(days, days)[-1]
    assert (str(days[last.test].min()), str(days[last.test].max())) == ("2016-01-01", "2017-10-31")
    assert str(days[last.calibration].min()) == "2015-01-01"
    assert str(days[last.train].min()) == "2011-01-01"


def test_a_fold_without_training_rows_is_refused():
    days = np.arange(np.datetime64("2013-01-01"), np.datetime64("2017-11-01"))
    with pytest.raises(DataRefused, match="from 2007-01-01 to 2011-01-01, there were none"):
        folds_of(days, days)
