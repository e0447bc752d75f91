"""Figures of skill beside scikit-learn's and scipy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr
from sklearn.metrics import brier_score_loss, roc_auc_score

from training.suggestion.metrics import (
    Outcomes,
    auc,
    block_draws,
    calibration_curve,
    figures,
    rank_ic_by_date,
    ranks,
)


def made_up(n=600, n_dates=30, seed=3):
    chance = np.random.default_rng(seed)
    probabilities = chance.dirichlet([4, 3, 4], n)
    labels = np.array([chance.choice(3, p=row) for row in probabilities])
    days = np.datetime64("2015-01-01") + np.sort(chance.integers(0, n_dates, n)).astype("timedelta64[D]")
    base = np.tile([0.35, 0.3, 0.35], (n, 1))
    return Outcomes(days=days, labels=labels, forward_frac=chance.normal(0, 0.05, n), base=base), probabilities


@given(st.integers(0, 1000), st.integers(5, 60), st.booleans())
def test_auc_is_that_of_scikit_learn_with_ties_and_weights(seed, n, has_ties):
    chance = np.random.default_rng(seed)
    scores = chance.integers(0, 5, n).astype(float) if has_ties else chance.normal(size=n)
    is_up = np.concatenate([[0, 1], chance.integers(0, 2, n - 2)])
    weights = chance.integers(0, 4, n).astype(float)
    weights[:2] = 1
    assert auc(scores, is_up) == pytest.approx(roc_auc_score(is_up, scores))
    assert auc(scores, is_up, weights) == pytest.approx(roc_auc_score(is_up, scores, sample_weight=weights))


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_ranks_are_those_of_scipy(values):
    np.testing.assert_allclose(ranks(np.array(values, dtype=float)), rankdata(values))


def test_figures_are_those_of_the_libraries():
    outcomes, p = made_up()
    found = figures(outcomes, p, draws=50, seed=1)
    moved = outcomes.labels != 1
    edge = p[:, 2] - p[:, 0]
    assert found.direction_auc.value == pytest.approx(roc_auc_score(outcomes.labels[moved] == 2, edge[moved]))
    assert found.accuracy_frac.value == pytest.approx((p.argmax(axis=1) == outcomes.labels).mean())
    ours, theirs = (sum(brier_score_loss(outcomes.labels == k, q[:, k]) for k in range(3)) for q in (p, outcomes.base))
    assert found.brier_skill.value == pytest.approx(1 - ours / theirs)
    assert found.n_dates == len(np.unique(outcomes.days))


def test_rank_ic_is_the_mean_of_spearman_by_date():
    outcomes, p = made_up()
    edge = p[:, 2] - p[:, 0]
    _, at = np.unique(outcomes.days, return_inverse=True)
    expected = [
        spearmanr(edge[at == k], outcomes.forward_frac[at == k]).statistic
        for k in range(at.max() + 1)
        if (at == k).sum() >= 5
    ]
    found = rank_ic_by_date(edge, outcomes.forward_frac, at)
    np.testing.assert_allclose(found[~np.isnan(found)], expected)


def test_ece_of_a_worked_example():
    # All rows say (0.2, 0.2, 0.6); buy came in half of them, sell in the others.
    days = np.array(["2015-01-01"] * 4, dtype="datetime64[D]")
    outcomes = Outcomes(days=days, labels=np.array([0, 0, 2, 2]), forward_frac=np.zeros(4), base=np.full((4, 3), 1 / 3))
    found = figures(outcomes, np.tile([0.2, 0.2, 0.6], (4, 1)), draws=5, seed=1)
    assert found.ece.value == pytest.approx((0.3 + 0.2 + 0.1) / 3)


def test_intervals_hold_their_value_and_widen_when_dates_move_together():
    chance = np.random.default_rng(5)
    n_dates, n_names = 60, 30
    days = np.repeat(np.datetime64("2015-01-01") + np.arange(n_dates).astype("timedelta64[D]"), n_names)
    p = np.tile([0.2, 0.1, 0.7], (n_dates * n_names, 1))
    alone = np.where(chance.random(n_dates * n_names) < 0.5, 0, 2)
    together = np.repeat(np.where(chance.random(n_dates) < 0.5, 0, 2), n_names)
    widths = []
    for labels in (alone, together):
        outcomes = Outcomes(days=days, labels=labels, forward_frac=np.zeros(len(labels)), base=np.full(p.shape, 1 / 3))
        found = figures(outcomes, p, draws=200, seed=1).accuracy_frac
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[1] > 2 * widths[0]


def test_draws_keep_the_number_of_dates_and_repeat_themselves():
    first, again = (block_draws(33, draws=20, seed=9) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first.sum(axis=1), 33)


def test_figures_without_any_move_leave_the_auc_undefined():
    outcomes, p = made_up()
    still = Outcomes(
        days=outcomes.days,
        labels=np.ones(len(p), dtype=np.int64),
        forward_frac=outcomes.forward_frac,
        base=outcomes.base,
    )
    assert figures(still, p, draws=5, seed=1).direction_auc.value is None


def test_calibration_curve_counts_every_row_and_rises_in_what_was_said():
    outcomes, p = made_up()
    curve = calibration_curve(p, outcomes.labels, column=2)
    assert sum(point.n_rows for point in curve) == len(p)
    assert [point.said_frac for point in curve] == sorted(point.said_frac for point in curve)
