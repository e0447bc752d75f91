"""A small transformer encoder over the last bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from market_data.bars import IntArray
from training.suggestion.members.member import Float32Array, InputKind
from training.suggestion.members.network import FittedNetwork, Standardised, fit_network, seeded, state_of
from training.suggestion.sequences import SEQUENCE_BARS

_WIDTH: Final = 48
_HEADS: Final = 4
_LAYERS: Final = 2


class _Transformer(nn.Module):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.standardised = Standardised(n_channels)
        self.widen = nn.Linear(n_channels, _WIDTH)
        self.place = nn.Parameter(torch.randn(SEQUENCE_BARS, _WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(
            _WIDTH, _HEADS, dim_feedforward=2 * _WIDTH, dropout=0.2, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, _LAYERS, enable_nested_tensor=False)
        self.head = nn.Linear(_WIDTH, 3)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        states = self.encoder(self.widen(self.standardised(sequence)) + self.place)
        # The mean knows the whole window, the last state the bar of the decision.
        logits: torch.Tensor = self.head(states.mean(dim=1) + states[:, -1])
        return logits


@dataclass(frozen=True, kw_only=True)
class TransformerMember:
    epochs: int
    name: str = "transformer"
    kind: InputKind = "sequence"

    @property
    def settings(self) -> dict[str, float | int | str]:
        return {
            "layers": _LAYERS,
            "width": _WIDTH,
            "heads": _HEADS,
            "dropout": 0.2,
            "epochs": self.epochs,
            "learning_rate": 1e-3,
        }

    def fit(self, inputs: Float32Array, labels: IntArray, *, seed: int) -> FittedNetwork:
        seeded(seed)
        network = _Transformer(inputs.shape[-1])
        fit_network(network, inputs, labels, epochs=self.epochs, seed=seed)
        return FittedNetwork(network, n_bars=SEQUENCE_BARS, n_channels=inputs.shape[-1])

    def load(self, content: bytes) -> FittedNetwork:
        state = state_of(content)
        n_channels = len(state["standardised.center"])
        network = _Transformer(n_channels)
        network.load_state_dict(state)
        return FittedNetwork(network, n_bars=SEQUENCE_BARS, n_channels=n_channels)
