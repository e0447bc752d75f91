"""What both networks share: standardised input, the training loop, and the way to ONNX."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Final

import numpy as np
import onnx
import torch
from torch import nn

from market_data.bars import FloatArray, IntArray
from training.suggestion.export import plain_graph
from training.suggestion.members.member import Float32Array

NETWORK_OPSET: Final = 18
_BATCH_ROWS: Final = 256
_SCORE_ROWS: Final = 2048
_CLIP: Final = 4.0


class Standardised(nn.Module):
    """(x - center) / scale, clipped to +-4; a missing value becomes 0, the middle."""

    center: torch.Tensor
    scale: torch.Tensor

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(n_channels))
        self.register_buffer("scale", torch.ones(n_channels))

    def learn(self, sequences: Float32Array) -> None:
        """Take center and scale as median and interquartile range / 1.349 of these rows, by channel."""
        flat = sequences.reshape(-1, sequences.shape[-1])
        low, center, high = np.nanquantile(flat, (0.25, 0.5, 0.75), axis=0)
        spread = (high - low) / 1.349
        fallback = np.nanstd(flat, axis=0)
        scale = np.where(spread > 0, spread, np.where(fallback > 0, fallback, 1.0))
        self.center.copy_(torch.from_numpy(center.astype(np.float32)))
        self.scale.copy_(torch.from_numpy(scale.astype(np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - self.center) / self.scale
        return torch.where(torch.isnan(x), torch.zeros_like(x), x).clamp(-_CLIP, _CLIP)


class FittedNetwork:
    def __init__(self, network: nn.Module, *, n_bars: int, n_channels: int) -> None:
        self._network = network.eval()
        self._shape = (n_bars, n_channels)

    def logits(self, inputs: Float32Array) -> FloatArray:
        with torch.no_grad():
            parts = [
                self._network(torch.from_numpy(np.ascontiguousarray(inputs[first : first + _SCORE_ROWS]))).numpy()
                for first in range(0, len(inputs), _SCORE_ROWS)
            ]
        return np.concatenate(parts).astype(np.float64)

    def dump(self) -> bytes:
        content = io.BytesIO()
        arrays = {name: value.numpy() for name, value in self._network.state_dict().items()}
        np.savez(content, allow_pickle=False, **arrays)
        return content.getvalue()

    def graph(self) -> onnx.ModelProto:
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        example = torch.zeros(4, *self._shape)
        with warnings.catch_warnings():
            # The exporter warns of its own insides; what it made is judged by the parity gate.
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                self._network,
                (example,),
                dynamo=True,
                input_names=["sequence"],
                output_names=["logits"],
                dynamic_shapes={"sequence": {0: torch.export.Dim("N")}},
                opset_version=NETWORK_OPSET,
                external_data=False,
                verbose=False,
            )
        if program is None:
            raise RuntimeError("torch.onnx.export gave no program")
        return plain_graph(program.model_proto)


def fit_network(network: nn.Module, sequences: Float32Array, labels: IntArray, *, epochs: int, seed: int) -> None:
    """Fit in place: AdamW with a one-cycle rate, batches of 256, gradients clipped to norm 1; chance only by `seed`."""
    standardised = next(part for part in network.modules() if isinstance(part, Standardised))
    standardised.learn(sequences)
    n_batches = max(1, len(labels) // _BATCH_ROWS)
    steps = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(steps, max_lr=1e-3, total_steps=epochs * n_batches)
    order = np.random.default_rng(seed)
    network.train()
    for _ in range(epochs):
        for rows in np.array_split(order.permutation(len(labels)), n_batches):
            loss = nn.functional.cross_entropy(
                network(torch.from_numpy(sequences[rows])), torch.from_numpy(labels[rows]), label_smoothing=0.02
            )
            steps.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            steps.step()
            rate.step()


def seeded(seed: int) -> None:
    """Make torch repeat itself: one thread, algorithms that give the same answer twice, this seed."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    torch.manual_seed(seed)


def state_of(content: bytes) -> dict[str, torch.Tensor]:
    """Return the weights that `FittedNetwork.dump` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
