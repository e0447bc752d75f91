import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from market_data.errors import DomainError
from suggestion_engine.errors import ReferenceRefused
from suggestion_engine.feature_registry import RAW_FEATURES
from suggestion_engine.reference import SAMPLE_ROWS, Reference, build_reference, load_reference

N_FEATURES = len(RAW_FEATURES)


def normal_rows(n=3_000, *, seed=0):
    return np.random.default_rng(seed).normal(2.0, 3.0, (n, N_FEATURES))


@pytest.fixture(scope="module")
def reference():
    return build_reference(normal_rows(), seed=7)


def test_percentile_is_near_the_rank_in_the_universe(reference):
    values = normal_rows()[:, 3]
    expected = (pd.Series(values).rank().to_numpy() - 1) / (len(values) - 1)
    assert_allclose(reference.percentile(values, RAW_FEATURES[3]), expected, atol=0.006)


def test_percentile_is_zero_below_all_and_one_above(reference):
    assert_array_equal(reference.percentile(np.array([-1e5, 1e5]), RAW_FEATURES[0]), [0.0, 1.0])


@settings(max_examples=50)
@given(st.lists(st.floats(-50, 50), min_size=2, max_size=20))
def test_percentile_never_falls_as_the_value_rises(reference, values):
    ranks = reference.percentile(np.sort(np.array(values)), RAW_FEATURES[0])
    assert (np.diff(ranks) >= 0).all()
    assert ((ranks >= 0) & (ranks <= 1)).all()


def test_percentile_of_nan_is_nan(reference):
    assert_array_equal(np.isnan(reference.percentile(np.array([np.nan, 1.0]), RAW_FEATURES[0])), [True, False])


def test_percentile_of_a_value_that_many_share_is_their_middle():
    rows = normal_rows(1_000)
    rows[:, 0] = np.repeat([0.0, 0.7, 1.0], [250, 500, 250])
    found = build_reference(rows, seed=0).percentile(np.array([0.7]), RAW_FEATURES[0])
    assert_allclose(found, [0.5], atol=0.006)


def test_a_feature_that_is_never_known_has_no_percentiles():
    rows = normal_rows(50)
    rows[:, 5] = np.nan
    reference = build_reference(rows, seed=0)
    assert reference.nan_frac[5] == 1.0
    assert np.isnan(reference.percentile(np.array([0.0, 1.0]), RAW_FEATURES[5])).all()
    assert np.isfinite(reference.sample).all()


def test_an_unknown_feature_is_refused(reference):
    with pytest.raises(ReferenceRefused, match="must hold the feature 'luck'"):
        reference.percentile(np.zeros(1), "luck")


def test_sample_is_standardised_and_bounded(reference):
    assert reference.sample.shape == (SAMPLE_ROWS, N_FEATURES)
    assert_allclose(np.median(reference.sample, axis=0), 0.0, atol=0.1)
    assert_allclose(reference.sample.std(axis=0), 1.0, atol=0.1)


def test_share_of_nan_is_counted():
    rows = normal_rows(100)
    rows[:30, 2] = np.nan
    assert_allclose(build_reference(rows, seed=0).nan_frac[[1, 2]], [0.0, 0.3])


def test_same_rows_and_seed_give_the_same_bytes_and_another_seed_another_sample(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build_reference(normal_rows(), seed=seed).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_what_is_saved_is_loaded(reference, tmp_path):
    reference.save(tmp_path / "reference.npz")
    loaded = load_reference(tmp_path / "reference.npz")
    assert loaded.feature_names == RAW_FEATURES
    for name in ("quantiles", "nan_frac", "sample", "center", "scale", "psi_levels"):
        assert_array_equal(getattr(loaded, name), getattr(reference, name))


@pytest.mark.parametrize("shape", [(0, N_FEATURES), (5, N_FEATURES - 1), (N_FEATURES,)])
def test_rows_of_another_shape_are_refused(shape):
    with pytest.raises(ReferenceRefused, match="rows must have the shape"):
        build_reference(np.zeros(shape), seed=0)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ReferenceRefused, match=r"none\.npz cannot be read"):
        load_reference(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(DomainError, match="must be a saved reference") as caught:
        load_reference(tmp_path / "bad.npz")
    assert caught.value.code == "reference_refused"


def test_a_single_array_is_refused(tmp_path):
    with (tmp_path / "bad.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ReferenceRefused):
        load_reference(tmp_path / "bad.npz")


def test_pickled_objects_are_refused(tmp_path, reference):
    arrays = arrays_of(reference)
    arrays["center"] = np.array([{"a": 1}], dtype=object)
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ReferenceRefused, match="must be a saved reference"):
        load_reference(tmp_path / "bad.npz")


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_file_cut_short_is_refused(tmp_path, reference, cut):
    path = tmp_path / "reference.npz"
    reference.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    with pytest.raises(ReferenceRefused):
        load_reference(path)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("quantiles", np.zeros((N_FEATURES, 100), dtype=np.float32)),
        ("center", np.zeros(N_FEATURES, dtype=np.float64)),
        ("sample", np.float32(1.0)),
        ("sample", np.full((2, N_FEATURES), np.nan, dtype=np.float32)),
        ("scale", np.zeros(N_FEATURES, dtype=np.float32)),
        ("feature_names", np.array(["one", "two"])),
    ],
)
def test_arrays_of_another_shape_or_kind_are_refused(tmp_path, reference, name, array):
    np.savez(tmp_path / "bad.npz", **{**arrays_of(reference), name: array})
    with pytest.raises(ReferenceRefused, match=r"bad\.npz"):
        load_reference(tmp_path / "bad.npz")


def arrays_of(reference: Reference):
    names = ("quantiles", "nan_frac", "sample", "center", "scale", "psi_levels")
    return {"feature_names": np.array(reference.feature_names), **{name: getattr(reference, name) for name in names}}
