"""A small recurrent network over the last bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from market_data.bars import IntArray
from training.suggestion.members.member import Float32Array, InputKind
from training.suggestion.members.network import FittedNetwork, Standardised, fit_network, seeded, state_of
from training.suggestion.sequences import SEQUENCE_BARS

_UNITS: Final = 48


class _Lstm(nn.Module):
    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.standardised = Standardised(n_channels)
        self.recurrent = nn.LSTM(n_channels, _UNITS, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(_UNITS, 3)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        states, _ = self.recurrent(self.standardised(sequence))
        logits: torch.Tensor = self.head(self.dropout(states[:, -1]))
        return logits


@dataclass(frozen=True, kw_only=True)
class LstmMember:
    epochs: int
    name: str = "lstm"
    kind: InputKind = "sequence"

    @property
    def settings(self) -> dict[str, float | int | str]:
        return {"layers": 1, "units": _UNITS, "dropout": 0.2, "epochs": self.epochs, "learning_rate": 1e-3}

    def fit(self, inputs: Float32Array, labels: IntArray, *, seed: int) -> FittedNetwork:
        seeded(seed)
        network = _Lstm(inputs.shape[-1])
        fit_network(network, inputs, labels, epochs=self.epochs, seed=seed)
        return FittedNetwork(network, n_bars=SEQUENCE_BARS, n_channels=inputs.shape[-1])

    def load(self, content: bytes) -> FittedNetwork:
        state = state_of(content)
        n_channels = len(state["standardised.center"])
        network = _Lstm(n_channels)
        network.load_state_dict(state)
        return FittedNetwork(network, n_bars=SEQUENCE_BARS, n_channels=n_channels)
