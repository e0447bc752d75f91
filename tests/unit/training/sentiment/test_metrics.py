from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from training.sentiment.metrics import calibration_error, measure

JUDGED = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60)


@given(JUDGED)
def test_figures_are_those_of_scikit_learn(judged):
    told, found = (list(part) for part in zip(*judged, strict=True))
    ours = measure(told, np.eye(3)[found])
    assert ours.accuracy == pytest.approx(accuracy_score(told, found), abs=1e-6)
    expected = f1_score(told, found, labels=[0, 1, 2], average="macro", zero_division=0)
    assert ours.macro_f1 == pytest.approx(expected, abs=1e-6)


def test_the_base_is_saying_the_commonest_label():
    ours = measure([1, 1, 1, 0], np.eye(3)[[0, 0, 0, 0]])
    assert ours.majority_accuracy == 0.75
    assert ours.confusion == ((1, 0, 0), (3, 0, 0), (0, 0, 0))


def test_intervals_hold_the_figure_and_narrow_with_rows():
    rng = np.random.default_rng(4)
    told = rng.integers(0, 3, 2_000)
    found = np.where(rng.random(2_000) < 0.7, told, rng.integers(0, 3, 2_000))
    few = measure(told[:100].tolist(), np.eye(3)[found[:100]], n_draws=200)
    many = measure(told.tolist(), np.eye(3)[found], n_draws=200)
    assert many.accuracy_90[0] < many.accuracy < many.accuracy_90[1]
    assert np.ptp(many.macro_f1_90) < np.ptp(few.macro_f1_90)


def test_certainty_that_is_right_half_the_time_is_off_by_a_half():
    assert calibration_error(np.array([0, 1]), np.eye(3)[[0, 0]]) == pytest.approx(0.5)
