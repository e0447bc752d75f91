"""The network: layers that ask, beside layers that answer for each token."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.sentiment.network import BASE_INNER, Shape, pretrained

MASK = torch.tensor([[1.0, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0]])


def barred(mask):
    return (1 - mask) * -1e4


def test_a_question_is_answered_as_one_more_token_that_none_looks_at():
    layer = pretrained(Shape(layers=1), seed=1).eval().layers[0]
    chance = torch.Generator().manual_seed(1)
    hidden, asked = torch.randn(2, 6, 384, generator=chance), torch.randn(2, 384, generator=chance)
    with torch.inference_mode():
        once = layer(hidden, barred(MASK)[:, None], asked)
        whole = torch.cat([hidden, asked[:, None]], dim=1)
        bias = barred(torch.cat([MASK, torch.zeros(2, 1)], dim=1))[:, None, None]
        each = layer(whole, bias)[:, -1]
    np.testing.assert_allclose(once.numpy(), each.numpy(), atol=1e-5)


@pytest.mark.parametrize("asking", [0, 1, 2])
def test_padded_and_bare_rows_are_answered_alike(asking):
    network = pretrained(Shape(layers=2, asking=asking), seed=1).eval()
    with torch.inference_mode():
        bare = network(torch.tensor([[101, 5661, 2991, 102]]), torch.ones(1, 4, dtype=torch.int64))
        padded = network(torch.tensor([[101, 5661, 2991, 102, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0]]))
    np.testing.assert_allclose(bare.numpy(), padded.numpy(), atol=1e-5)


def test_layers_that_ask_keep_the_inner_size_of_the_base():
    shape = Shape(layers=3, asking=1, inner=64)
    assert [shape.inner_of(layer) for layer in range(3)] == [64, 64, BASE_INNER]
