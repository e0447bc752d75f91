"""Opening a model: what it must be, and what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from market_data.bars import FloatArray
from model_files import ModelRefused
from model_files.manifest import describe_files
from suggestion_engine.ensemble import window_of
from suggestion_engine.feature_registry import FEATURE_NAMES, RAW_FEATURES
from suggestion_engine.features import with_ranks
from suggestion_engine.member import open_member
from tests.models import CHANNELS, SEQUENCE_BARS, SETTINGS, universe, walk, write_model


@pytest.fixture(scope="module")
def windows() -> FloatArray:
    return np.stack([window_of(walk(seed=seed)) for seed in (7, 8)])


def softmax(score: FloatArray) -> FloatArray:
    logits = np.stack([-score, np.zeros_like(score), score], axis=1)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_a_model_of_rows_reads_the_newest_row_with_its_ranks(tmp_path: Path, windows: FloatArray) -> None:
    member = open_member(*write_model(tmp_path, lean=0.2, weights={"return_5": 4.0, "rank_vol_20": 1.0}))
    rows = with_ranks(windows[:, -1], universe())
    score = 0.2 + 4.0 * rows[:, FEATURE_NAMES.index("return_5")] + rows[:, FEATURE_NAMES.index("rank_vol_20")]
    np.testing.assert_allclose(member.probabilities(member.inputs(windows)), softmax(score), atol=1e-6)


def test_a_model_of_sequences_reads_its_channels_over_its_bars(tmp_path: Path, windows: FloatArray) -> None:
    member = open_member(*write_model(tmp_path, settings={"input": "sequence"}, weights={"vol_20": 9.0}))
    assert member.inputs(windows).shape == (2, SEQUENCE_BARS, len(CHANNELS))
    mean = windows[:, -SEQUENCE_BARS:, RAW_FEATURES.index("vol_20")].mean(axis=1)
    np.testing.assert_allclose(member.probabilities(member.inputs(windows)), softmax(9.0 * mean), atol=1e-6)


def test_features_that_are_missing_go_to_the_graph_as_they_are(tmp_path: Path, windows: FloatArray) -> None:
    member = open_member(*write_model(tmp_path, lean=0.3, weights={"return_5": 4.0}))
    answer = member.probabilities(member.inputs(np.full_like(windows, np.nan)))
    np.testing.assert_allclose(answer, softmax(np.full(2, 0.3)), atol=1e-6)


def test_no_symbol_at_all_is_an_empty_answer(tmp_path: Path, windows: FloatArray) -> None:
    member = open_member(*write_model(tmp_path))
    assert member.probabilities(member.inputs(windows)[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"classes": ["buy", "hold", "sell"]}, "classes must be"),
        ({"input": "pictures"}, "input must be one of"),
        ({"min_edge": -0.1}, "min_edge must be from 0 to 1"),
        ({"min_edge": "much"}, "cannot be used"),
        ({"weight": 0.0}, "weight must be above 0"),
        ({"returns": {"up_atr": 1.0}}, "flat_atr"),
        ({"drift": {}}, "psi_max"),
        ({"input": "sequence", "sequence_features": ["return_1", "tea_leaves"]}, "tea_leaves"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, settings: dict[str, Any], told: str) -> None:
    folder, manifest = write_model(tmp_path)
    broken = manifest.from_json(manifest.to_json() | {"settings": {**SETTINGS, **settings}})
    with pytest.raises(ModelRefused, match=told):
        open_member(folder, broken)


def test_a_universe_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    folder, manifest = write_model(tmp_path)
    (folder / "reference.npz").write_bytes(b"nothing")
    described = manifest.from_json(
        manifest.to_json() | {"files": [vars(one) for one in describe_files(folder, ["model.onnx", "reference.npz"])]}
    )
    with pytest.raises(ModelRefused, match=r"reference\.npz must be a saved reference"):
        open_member(folder, described)


def test_a_swapped_universe_is_refused(tmp_path: Path) -> None:
    folder, manifest = write_model(tmp_path)
    (folder / "reference.npz").write_bytes(b"nothing")
    with pytest.raises(ModelRefused, match="must have the sha256"):
        open_member(folder, manifest)


def test_a_sentiment_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="expected a suggestion model"):
        open_member(*write_model(tmp_path, task="sentiment"))


def test_trees_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"model\.txt cannot be read|LightGBM refuses"):
        open_member(*write_model(tmp_path, extra_files={"model.txt": "oak"}))


def test_an_answer_that_is_no_probability_is_refused_when_opened(tmp_path: Path) -> None:
    folder, manifest = write_model(tmp_path)
    shape = ["N", len(FEATURE_NAMES)]
    same = helper.make_graph(
        [helper.make_node("Slice", ["features", "from", "to", "axes"], ["probabilities"])],
        "same",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [
            helper.make_tensor(name, TensorProto.INT64, [1], [value])
            for name, value in (("from", 0), ("to", 3), ("axes", 1))
        ],
    )
    made = helper.make_model(same, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(made, folder / "model.onnx")
    described = manifest.from_json(
        manifest.to_json() | {"files": [vars(one) for one in describe_files(folder, ["model.onnx", "reference.npz"])]}
    )
    with pytest.raises(ModelRefused, match="three probabilities that sum to 1"):
        open_member(folder, described)
