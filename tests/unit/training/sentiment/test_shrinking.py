"""A smaller network begins as the larger one, less the units that say least."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.sentiment.fitting import logits_of
from training.sentiment.network import BASE_INNER, Shape, pretrained
from training.sentiment.shrinking import shrunk

IDS = [[101, 2400, 2024, 2039, 102], [101, 5661, 2991, 102]]


@pytest.fixture
def source():
    return pretrained(Shape(layers=2), seed=1)


def test_a_network_of_the_same_shape_answers_the_same(source):
    network = shrunk(source, Shape(layers=2), IDS)
    np.testing.assert_array_equal(logits_of(network, IDS), logits_of(source, IDS))


def test_a_unit_that_says_nothing_is_left_out_and_changes_nothing(source):
    with torch.no_grad():
        for layer, unit in zip(source.layers, (7, 1200), strict=True):
            layer.narrow.weight[:, unit] = 0.0
    network = shrunk(source, Shape(layers=2, inner=BASE_INNER - 1), IDS)
    np.testing.assert_allclose(logits_of(network, IDS), logits_of(source, IDS), atol=1e-5)


def test_a_shorter_network_has_the_first_layers_and_the_shape_asked_for(source):
    network = shrunk(source, Shape(layers=1, inner=64), IDS)
    state = network.state_dict()
    assert state["layers.0.widen.weight"].shape == (64, 384)
    assert torch.equal(state["layers.0.query.weight"], source.state_dict()["layers.0.query.weight"])
    assert not any(name.startswith("layers.1") for name in state)


def test_the_embeddings_of_words_stay_as_they_are(source):
    network = shrunk(source, Shape(layers=1, inner=64), IDS)
    assert not network.embeddings.words.weight.requires_grad
    assert network.layers[0].widen.weight.requires_grad


def test_asking_once_answers_as_asking_each_where_there_is_one_token(source):
    once = shrunk(source, Shape(layers=2, asking=1), IDS)
    np.testing.assert_allclose(logits_of(once, [[2039]]), logits_of(source, [[2039]]), atol=1e-5)
