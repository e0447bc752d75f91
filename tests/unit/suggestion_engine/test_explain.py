"""Explanations: LightGBM's own add up, occlusion finds what moves a model, and both are said in words."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
import pytest

from market_data.bars import FloatArray
from suggestion_engine.booster import Booster
from suggestion_engine.ensemble import window_of
from suggestion_engine.explain import explain, medians, occlusion, tree_contributions
from suggestion_engine.feature_registry import FEATURE_NAMES
from suggestion_engine.features import raw_features, with_ranks
from suggestion_engine.member import Member, open_member
from tests.models import CHANNELS, universe, walk, write_model


@pytest.fixture(scope="module")
def window() -> FloatArray:
    return window_of(walk(seed=21))


@pytest.fixture(scope="module")
def trees() -> lightgbm.Booster:
    rows = with_ranks(raw_features(walk(seed=3))[260:], universe())
    labels = np.digitize(rows[:, FEATURE_NAMES.index("return_5")], [-0.01, 0.01])
    data = lightgbm.Dataset(rows, labels, params={"verbose": -1})
    options = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
    return lightgbm.train(options, data, num_boost_round=8)


@pytest.fixture
def tree_member(tmp_path: Path, trees: lightgbm.Booster) -> Member:
    return open_member(*write_model(tmp_path, "suggestion-trees", extra_files={"model.txt": trees.model_to_string()}))


def test_contributions_of_trees_add_up_to_the_difference_of_scores(
    tree_member: Member, trees: lightgbm.Booster, window: FloatArray
) -> None:
    inputs = tree_member.inputs(window[np.newaxis])
    scores = np.asarray(trees.predict(inputs, raw_score=True))[0]
    assert tree_contributions(tree_member, inputs).sum() == pytest.approx(scores[2] - scores[0], abs=1e-12)


def test_our_way_to_the_library_gives_what_lightgbm_itself_gives(trees: lightgbm.Booster, window: FloatArray) -> None:
    row = with_ranks(window[-1:], universe())[0].astype(np.float64)
    row[3] = np.nan
    expected = np.asarray(trees.predict(row[np.newaxis], pred_contrib=True)).reshape(3, -1)
    np.testing.assert_array_equal(Booster(trees.model_to_string()).contributions(row), expected)


def test_trees_explain_by_what_they_were_made_of(tree_member: Member, window: FloatArray) -> None:
    found = explain(tree_member, window)
    assert (found.model, found.method) == ("suggestion-trees", "tree_shap")
    assert found.features[0].feature in {"return_5", "rank_return_5"}
    sizes = [abs(share.contribution) for share in found.features]
    assert sizes == sorted(sizes, reverse=True)


def test_occlusion_finds_the_one_feature_that_counts(tmp_path: Path, window: FloatArray) -> None:
    member = open_member(*write_model(tmp_path, weights={"return_20": 8.0}))
    found = explain(member, window)
    assert found.method == "occlusion"
    assert [share.feature for share in found.features] == ["return_20"]
    share = found.features[0]
    is_above = share.value is not None and share.value > float(medians(member)[FEATURE_NAMES.index("return_20")])
    assert (share.contribution > 0) == is_above
    assert share.text.endswith("it speaks for buying" if is_above else "it speaks for selling")
    assert "return_20 (ln(c / c[20])) is" in share.text
    assert "of the reference" in share.text


def test_occlusion_of_a_sequence_puts_a_channel_at_its_median_over_all_bars(tmp_path: Path, window: FloatArray) -> None:
    member = open_member(*write_model(tmp_path, settings={"input": "sequence"}, weights={"vol_20": 30.0}))
    inputs = member.inputs(window[np.newaxis])
    worth = occlusion(member, inputs)
    occluded = inputs.copy()
    occluded[..., CHANNELS.index("vol_20")] = medians(member)[CHANNELS.index("vol_20")]
    edges = [float(p[0, 2] - p[0, 0]) for p in (member.probabilities(inputs), member.probabilities(occluded))]
    assert worth[CHANNELS.index("vol_20")] == pytest.approx(edges[0] - edges[1])
    assert worth[CHANNELS.index("return_1")] == 0.0


def test_a_feature_without_a_value_says_so(tree_member: Member, window: FloatArray) -> None:
    missing = window.copy()
    missing[-1] = np.nan
    shares = explain(tree_member, missing).features
    assert shares
    assert {share.value for share in shares} == {None}
    assert all("is not defined on this bar" in share.text for share in shares)
