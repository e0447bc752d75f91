"""Drift is found where there is one, and not where a healthy symbol is merely itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from suggestion_engine.drift import (
    WINDOW_ROWS,
    DriftThresholds,
    calibrate_drift,
    check_drift,
    dissimilarity,
    healthy_psi,
    psi,
)
from suggestion_engine.errors import ReferenceRefused
from suggestion_engine.feature_registry import RAW_FEATURES
from suggestion_engine.features import WARMUP_BARS, latest_features, raw_features
from suggestion_engine.reference import build_reference
from tests.unit.suggestion_engine.random_bars import flat_bars, random_bars, scaled

N_FEATURES = len(RAW_FEATURES)
CALENDAR = [RAW_FEATURES.index(name) for name in ("weekday", "turn_of_month_days", "month_sin", "month_cos")]
LOOSE = DriftThresholds(psi_max=np.inf, dissimilarity_max=np.inf)


def normal_rows(n, *, seed=0):
    return np.random.default_rng(seed).normal(0.0, 1.0, (n, N_FEATURES))


def windows_of(rows):
    return [rows[end - WINDOW_ROWS : end] for end in range(WINDOW_ROWS, len(rows), WINDOW_ROWS)]


@pytest.fixture(scope="module")
def normal_reference():
    return build_reference(normal_rows(5_000), seed=3)


@pytest.fixture(scope="module")
def universe():
    """Return a calibrated reference of twenty random walks, from calm to wild."""
    walks = [raw_features(random_bars(1_500, seed=i, step_frac=0.008 + 0.001 * i))[WARMUP_BARS:] for i in range(20)]
    reference = build_reference(np.concatenate(walks), seed=3)
    return calibrate_drift(reference, [window for rows in walks for window in windows_of(rows)])


def report_of(bars, universe):
    rows = latest_features(bars, WINDOW_ROWS)
    return check_drift(universe.reference, rows, rows[-1], universe.thresholds)


def test_psi_of_ten_bins_by_hand():
    # Below the universe's median in equal parts: five bins hold 12 of 60 rows, six (one of NaN) hold none. The
    # universe's 101 quantiles fall 11 into the first bin, 10 into each other.
    rows = np.repeat(np.linspace(0.0, 1000.0, 1001)[:, None], N_FEATURES, axis=1)
    mine = np.repeat([50.0, 150.0, 250.0, 350.0, 450.0], 12)[:, None] * np.ones(N_FEATURES)
    actual = (np.array([12.0] * 5 + [0.0] * 6) + 0.5) / 65.5
    expected = (np.array([11.0] + [10.0] * 9 + [0.0]) + 0.5) / 106.5
    by_hand = ((actual - expected) * np.log(actual / expected)).sum()
    found = psi(build_reference(rows, seed=0), mine)
    assert_allclose(found[0], by_hand, rtol=1e-6)
    assert_array_equal(found[CALENDAR], 0.0)


def test_psi_of_the_universe_itself_is_near_zero(normal_reference):
    assert psi(normal_reference, normal_rows(5_000)).max() < 0.02


def test_psi_is_never_negative_and_rises_with_the_shift(normal_reference):
    found = [psi(normal_reference, normal_rows(WINDOW_ROWS, seed=1) + shift)[0] for shift in (0.0, 1.0, 2.0, 4.0)]
    assert found[0] >= 0.0
    assert found == sorted(found)
    assert found[-1] > 3.0


def test_psi_sees_a_feature_that_vanished(normal_reference):
    rows = normal_rows(WINDOW_ROWS, seed=1)
    rows[:, 4] = np.nan
    found = psi(normal_reference, rows)
    assert found[4] > 6.0
    assert np.delete(found, 4).max() < 1.0


def test_psi_of_a_feature_that_is_mostly_zero_counts_shares_and_not_edges():
    rows = normal_rows(1_000)
    rows[:, 0] = np.repeat([-0.7, 0.0, 0.7], [50, 900, 50])
    reference = build_reference(rows, seed=0)
    alike = normal_rows(WINDOW_ROWS)
    alike[:, 0] = np.repeat([-0.7, 0.0, 0.7], [3, 54, 3])
    assert psi(reference, alike)[0] < 0.1


def test_dissimilarity_of_a_row_of_the_sample_is_zero_and_grows_with_distance():
    rows = normal_rows(500)
    reference = build_reference(rows, seed=0)
    assert dissimilarity(reference, rows[17]) < 1e-3
    assert 0.5 < dissimilarity(reference, normal_rows(1, seed=9)[0]) < 1.0
    assert dissimilarity(reference, np.full(N_FEATURES, 8.0)) > 4.0


def test_dissimilarity_equals_plain_distances():
    reference = build_reference(normal_rows(40), seed=0)
    watched = np.delete(np.arange(N_FEATURES), CALENDAR)
    sample, row = reference.sample[:, watched].astype(np.float64), normal_rows(1, seed=5)[0]
    point = reference.standardised(row[None, :])[0, watched]
    between = np.linalg.norm(sample[:, None] - sample[None, :], axis=2)
    expected = np.linalg.norm(sample - point, axis=1).min() / between[np.triu_indices(40, 1)].mean()
    assert_allclose(dissimilarity(reference, row), expected, rtol=1e-6)


def test_what_the_calendar_says_is_no_drift(normal_reference):
    row = normal_rows(1, seed=2)[0]
    later = row.copy()
    later[CALENDAR] = 6.0
    assert dissimilarity(normal_reference, later) == dissimilarity(normal_reference, row)


def test_report_names_the_worst_feature(normal_reference):
    rows = normal_rows(WINDOW_ROWS, seed=1)
    rows[:, RAW_FEATURES.index("rsi_14")] += 5.0
    report = check_drift(normal_reference, rows, rows[-1], DriftThresholds(psi_max=2.0, dissimilarity_max=np.inf))
    assert (report.is_drifted, report.psi_feature) == (True, "rsi_14")
    assert report.reasons[0].startswith("rsi_14 is distributed unlike the training data")


def test_report_says_when_the_newest_bar_alone_is_foreign(normal_reference):
    rows = normal_rows(WINDOW_ROWS, seed=1)
    thresholds = DriftThresholds(psi_max=np.inf, dissimilarity_max=1.5)
    report = check_drift(normal_reference, rows, np.full(N_FEATURES, 9.0), thresholds)
    assert report.is_drifted
    assert report.reasons[0].startswith("the newest bar is far from all training data")


def test_thresholds_that_nothing_exceeds_report_no_drift(normal_reference):
    rows = normal_rows(WINDOW_ROWS, seed=1)
    report = check_drift(normal_reference, rows + 9.0, rows[-1], LOOSE)
    assert (report.is_drifted, report.reasons) == (False, ())


def test_calibrated_thresholds_let_new_healthy_symbols_pass(universe):
    reports = [report_of(random_bars(400, seed=1_000 + i, step_frac=0.008 + 0.0005 * i), universe) for i in range(40)]
    assert sum(report.is_drifted for report in reports) <= 4


@pytest.mark.parametrize("seed", range(3))
def test_ten_times_the_usual_volatility_is_drift(universe, seed):
    assert report_of(random_bars(400, seed=seed, step_frac=0.2), universe).is_drifted


def test_a_symbol_whose_volume_vanished_is_drift(universe):
    report = report_of(scaled(random_bars(400, seed=5), 1.0, 0.0), universe)
    assert report.is_drifted
    assert "volume" in report.psi_feature or "money" in report.psi_feature or "vwap" in report.psi_feature


def test_prices_that_stopped_moving_are_drift(universe):
    assert report_of(flat_bars(400), universe).is_drifted


def test_healthy_levels_are_the_quantile_of_the_windows(normal_reference):
    windows = windows_of(normal_rows(6_000, seed=4))
    each = np.array([psi(normal_reference, window) for window in windows])
    levels = healthy_psi(normal_reference, windows)
    assert ((each > levels).mean(axis=0) <= 0.011).all()
    assert (levels > 0.0).all()


def test_calibration_without_windows_is_refused(normal_reference):
    with pytest.raises(ReferenceRefused, match="healthy windows must be given"):
        calibrate_drift(normal_reference, [])


def test_rows_of_another_width_are_refused(normal_reference):
    for call in (lambda: psi(normal_reference, np.zeros((5, 3))), lambda: dissimilarity(normal_reference, np.zeros(3))):
        with pytest.raises(ReferenceRefused, match="must be of these"):
            call()
