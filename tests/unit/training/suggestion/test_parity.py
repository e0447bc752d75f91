"""The gate of the export: trees and networks pass it, and a broken graph does not."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from model_files.session import open_graph
from training.errors import ParityBroken
from training.suggestion.calibration import Calibration
from training.suggestion.export import float32_calibration, with_calibration
from training.suggestion.members import member_of
from training.suggestion.options import MEMBERS, SuggestionOptions
from training.suggestion.parity import check_parity
from training.suggestion.sequences import SEQUENCE_BARS

CALIBRATION = float32_calibration(Calibration(scale=0.7, hold_shift=-0.2))
OPTIONS = SuggestionOptions(data=(), out=None, work=None, synthetic_symbols=1, tree_rounds=25, network_epochs=1)


def rows_and_labels(kind):
    chance = np.random.default_rng(1)
    n = 1200 if kind == "sequence" else 5000
    shape = (n, SEQUENCE_BARS, 4) if kind == "sequence" else (n, 12)
    inputs = chance.normal(size=shape).astype(np.float32)
    # Few distinct values: thresholds then fall right beside values, where float32 and float64 may disagree.
    inputs[..., 0] = np.round(inputs[..., 0], 1)
    labels = np.clip(np.round(inputs.reshape(n, -1)[:, 0] + 1 + chance.normal(0, 0.7, n)), 0, 2).astype(np.int64)
    inputs[chance.random(shape) < 0.05] = np.nan
    return inputs, labels


@pytest.fixture(scope="module", params=MEMBERS)
def fitted(request):
    member = member_of(request.param, OPTIONS)
    inputs, labels = rows_and_labels(member.kind)
    return member, member.fit(inputs, labels, seed=5), inputs, labels


@pytest.fixture(scope="module")
def graph(fitted):
    return with_calibration(fitted[1].graph(), CALIBRATION)


def test_every_member_answers_in_its_graph_what_its_source_answers(fitted, graph, tmp_path):
    member, model, inputs, _ = fitted
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    session = open_graph(tmp_path / "model.onnx")
    inputs = inputs.copy()
    inputs[0] = np.nan
    expected = CALIBRATION.probabilities(model.logits(inputs))
    assert check_parity(session, inputs, expected, fewest_rows=1000) < 1e-5
    assert [(one.name, one.shape[0]) for one in session.get_inputs()] == [(member.kind, "N")]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("probabilities", ["N", 3])]


def test_every_member_has_learned_what_is_plain(fitted):
    _, model, inputs, labels = fitted
    said = model.logits(inputs)
    assert said[labels == 2, 2].mean() > said[labels == 0, 2].mean()


def test_every_member_is_what_it_was_after_a_dump(fitted):
    member, model, inputs, _ = fitted
    again = member.load(model.dump())
    np.testing.assert_array_equal(again.logits(inputs), model.logits(inputs))
    assert again.dump() == model.dump()


def test_every_member_fits_to_the_same_bytes_twice(fitted):
    member, model, inputs, labels = fitted
    assert member.fit(inputs, labels, seed=5).dump() == model.dump()


def test_no_graph_tells_of_the_code_that_made_it(graph):
    content = graph.SerializeToString()
    assert b"/training/" not in content
    assert b"stack_trace" not in content


@pytest.fixture(scope="module")
def trees():
    inputs, labels = rows_and_labels("features")
    model = member_of("lightgbm", OPTIONS).fit(inputs, labels, seed=5)
    return with_calibration(model.graph(), CALIBRATION), inputs, CALIBRATION.probabilities(model.logits(inputs))


def opened(model: onnx.ModelProto) -> ort.InferenceSession:
    return ort.InferenceSession(model.SerializeToString())


def test_a_graph_with_one_changed_leaf_is_refused(trees):
    graph, inputs, expected = trees
    broken = onnx.ModelProto()
    broken.CopyFrom(graph)
    [weights] = [one for one in broken.graph.node[0].attribute if one.name == "target_weights"]
    weights.floats[0] += 0.01
    with pytest.raises(ParityBroken, match="to 1e-05, the largest error was"):
        check_parity(opened(broken), inputs, expected, fewest_rows=1000)


def test_a_graph_that_answers_nan_is_refused(trees):
    graph, inputs, expected = trees
    broken = onnx.ModelProto()
    broken.CopyFrom(graph)
    [scale] = [one for one in broken.graph.initializer if one.name == "calibration_scale"]
    scale.CopyFrom(numpy_helper.from_array(np.array([np.nan], dtype=np.float32), "calibration_scale"))
    with pytest.raises(ParityBroken, match="was nan"):
        check_parity(opened(broken), inputs, expected, fewest_rows=1000)


def test_too_few_rows_or_rows_without_gaps_prove_nothing(trees):
    graph, inputs, expected = trees
    with pytest.raises(ParityBroken, match="at least 5001 rows, there were 5000"):
        check_parity(opened(graph), inputs, expected, fewest_rows=5001)
    with pytest.raises(ParityBroken, match="hold NaN, none did"):
        check_parity(opened(graph), np.nan_to_num(inputs), expected, fewest_rows=1000)
