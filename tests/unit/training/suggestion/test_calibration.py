"""Calibration: the least log loss, and the same numbers in the graph."""

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from scipy.optimize import minimize

from training.suggestion.calibration import Calibration, fit_calibration, softmax
from training.suggestion.export import float32_calibration, with_calibration


def logits_and_labels(seed=0, n=2000, true_scale=0.4, true_shift=0.7):
    chance = np.random.default_rng(seed)
    logits = chance.normal(size=(n, 3))
    p = softmax(true_scale * logits + np.array([0, true_shift, 0]))
    return logits, np.array([chance.choice(3, p=row) for row in p])


def loss(point, logits, labels):
    p = softmax(point[0] * logits + np.array([0, point[1], 0]))
    return -np.log(p[np.arange(len(labels)), labels]).mean()


def identity_graph():
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3]) for name in ("features", "logits")]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["features"], ["logits"])], "identity", tensors[:1], tensors[1:]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


@settings(max_examples=20)
@given(st.integers(0, 200), st.floats(0.1, 2), st.floats(-2, 2))
def test_fit_has_the_least_loss_that_scipy_finds(seed, scale, shift):
    logits, labels = logits_and_labels(seed, n=400, true_scale=scale, true_shift=shift)
    found = fit_calibration(logits, labels)
    best = minimize(loss, [1, 0], args=(logits, labels), bounds=[(0, None), (None, None)])
    assert loss([found.scale, found.hold_shift], logits, labels) <= best.fun + 1e-7


def test_fit_finds_the_numbers_that_made_the_labels():
    found = fit_calibration(*logits_and_labels(n=40_000))
    assert found.scale == pytest.approx(0.4, abs=0.03)
    assert found.hold_shift == pytest.approx(0.7, abs=0.04)


def test_logits_that_point_the_wrong_way_are_silenced_to_the_class_share():
    logits, labels = logits_and_labels(true_scale=-1.0)
    found = fit_calibration(logits, labels)
    assert found.scale == 0
    assert found.probabilities(logits)[0, 1] == pytest.approx((labels == 1).mean())


def test_logits_that_never_vary_are_calibrated_too():
    _, labels = logits_and_labels()
    found = fit_calibration(np.zeros((len(labels), 3)), labels)
    assert found.probabilities(np.zeros((1, 3)))[0, 1] == pytest.approx((labels == 1).mean(), abs=1e-6)


@given(st.floats(0, 5), st.floats(-5, 5), st.integers(0, 100))
def test_the_graph_says_what_numpy_says(scale, shift, seed):
    calibration = float32_calibration(Calibration(scale=scale, hold_shift=shift))
    logits = np.random.default_rng(seed).normal(0, 3, (50, 3)).astype(np.float32)
    session = ort.InferenceSession(with_calibration(identity_graph(), calibration).SerializeToString())
    [found] = session.run(None, {"features": logits})
    np.testing.assert_allclose(found, calibration.probabilities(logits.astype(np.float64)), atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert [one.name for one in session.get_outputs()] == ["probabilities"]
