"""The start of the network that ships: the first layers of a larger one, and the feed-forward units that say most.

A unit's say is its mean absolute answer over training texts times the length of the weights that carry it on. What is
left out is taken up again by the fitting that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from training.sentiment.fitting import logits_of
from training.sentiment.network import Network, Shape

_ROWS: Final = 600


def shrunk(source: Network, shape: Shape, ids: Sequence[Sequence[int]]) -> Network:
    """Return a network of `shape` made of the embeddings, first layers and head of `source`.

    ids: token ids of training texts; units are judged by the first 600 rows.
    """
    wide = Network(Shape(layers=shape.layers, asking=shape.asking))
    own = wide.state_dict()
    own.update({name: value for name, value in source.state_dict().items() if name in own})
    wide.load_state_dict(own)
    state = wide.state_dict()
    for number, says in enumerate(_says(wide, ids[:_ROWS])):
        kept = says.topk(shape.inner_of(number)).indices.sort().values
        layer = f"layers.{number}"
        state[f"{layer}.widen.weight"] = state[f"{layer}.widen.weight"][kept]
        state[f"{layer}.widen.bias"] = state[f"{layer}.widen.bias"][kept]
        state[f"{layer}.narrow.weight"] = state[f"{layer}.narrow.weight"][:, kept]
    network = Network(shape)
    network.load_state_dict(state)
    network.freeze_embeddings()
    return network


def _says(network: Network, ids: Sequence[Sequence[int]]) -> list[Tensor]:
    """Return what each unit of each layer adds to the layer's answer, [units]."""
    lengths = [network.state_dict()[f"layers.{number}.narrow.weight"].norm(dim=0) for number in _numbers(network)]
    sums = [torch.zeros_like(one) for one in lengths]

    def watch(number: int) -> RemovableHandle:
        def add(_: nn.Module, given: tuple[Tensor, ...]) -> None:
            sums[number] += given[0].abs().reshape(-1, given[0].shape[-1]).sum(dim=0)

        return network.get_submodule(f"layers.{number}.narrow").register_forward_pre_hook(add)

    watched = [watch(number) for number in _numbers(network)]
    logits_of(network, ids)
    for one in watched:
        one.remove()
    return [total * length for total, length in zip(sums, lengths, strict=True)]


def _numbers(network: Network) -> range:
    return range(network.shape.layers)
