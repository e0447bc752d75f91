"""Fitting a network: seeded epochs, a checkpoint after each, and the best epoch by the kept-back slice.

An interrupted fit goes on after its last finished epoch and ends with the same weights: each epoch draws its order and
its dropout from the seed and its own number alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.progress import Progress
from training.sentiment.network import N_CLASSES, Network

_WARMUP_FRAC: Final = 0.1
_WEIGHT_DECAY: Final = 0.01
_CLIP: Final = 1.0
_SOFTNESS: Final = 2.0
_TEACHER_SHARE: Final = 0.6
_SCORING_ROWS: Final = 64


@dataclass(frozen=True)
class Rows:
    """Token ids of texts and their labels."""

    ids: tuple[tuple[int, ...], ...]
    labels: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one network is fitted.

    judge: what an epoch is worth, of the network's logits of the kept-back slice; the best epoch is taken.
    judged: a teacher's logits of the rows, [rows, 3], or None.
    """

    epochs: int
    learning_rate: float
    batch_rows: int
    seed: int
    checkpoint: Path
    judge: Callable[[NDArray[np.float32]], float]
    judged: NDArray[np.float32] | None = None


def fit(plan: Plan, network: Network, rows: Rows, kept_back: Sequence[Sequence[int]], progress: Progress) -> Network:
    """Fit the network, and return it as it was after its best epoch."""
    optimizer = torch.optim.AdamW(_groups(network), lr=plan.learning_rate)
    state = _resumed(plan, network, optimizer)
    weights = class_weights(rows.labels)
    n_steps = plan.epochs * math.ceil(len(rows.ids) / plan.batch_rows)
    for epoch in range(state.epochs_done, plan.epochs):
        torch.manual_seed(plan.seed + 1000 * epoch)
        network.train()
        batches = _batches(rows, plan, epoch)
        for number, batch in enumerate(batches):
            rate = plan.learning_rate * _rate_frac(epoch * len(batches) + number, n_steps)
            _step(network, optimizer, _loss(network, rows, batch, plan, weights), rate)
            progress((epoch + (number + 1) / len(batches)) / plan.epochs, f"epoch {epoch + 1} of {plan.epochs}")
        f1 = plan.judge(logits_of(network, kept_back))
        progress((epoch + 1) / plan.epochs, f"epoch {epoch + 1} of {plan.epochs}: macro F1 {f1:.4f} on the slice")
        state = state.after(epoch + 1, f1, network)
        _save(plan.checkpoint, state, network, optimizer)
    network.load_state_dict(state.best)
    return network.eval()


def logits_of(network: Network, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return a network's logits, [rows, 3], in the order of `ids`."""
    network.eval()
    out = np.zeros((len(ids), N_CLASSES), dtype=np.float32)
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    with torch.inference_mode():
        for start in range(0, len(order), _SCORING_ROWS):
            batch = order[start : start + _SCORING_ROWS]
            out[batch] = network(*padded([ids[row] for row in batch])).numpy()
    return out


def padded(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return token ids and mask, int64 [rows, longest]; 0 pads."""
    longest = max(len(row) for row in ids)
    tokens = torch.zeros(len(ids), longest, dtype=torch.int64)
    mask = torch.zeros(len(ids), longest, dtype=torch.int64)
    for number, row in enumerate(ids):
        tokens[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    return tokens, mask


def softmax(logits: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = logits.astype(np.float64)
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares


def class_weights(labels: Sequence[int]) -> Tensor:
    """Return a weight for each label: the inverse root of its share, so rare ones count more but do not rule."""
    counts = np.bincount(labels, minlength=N_CLASSES).clip(min=1)
    weights = 1 / np.sqrt(counts / counts.sum())
    return torch.tensor(weights / weights.mean(), dtype=torch.float32)


@dataclass(frozen=True)
class _State:
    epochs_done: int
    best_f1: float
    best: dict[str, Tensor]

    def after(self, epochs_done: int, f1: float, network: Network) -> _State:
        if f1 <= self.best_f1:
            return _State(epochs_done, self.best_f1, self.best)
        return _State(epochs_done, f1, {name: value.clone() for name, value in network.state_dict().items()})


def _resumed(plan: Plan, network: Network, optimizer: torch.optim.Optimizer) -> _State:
    if not plan.checkpoint.is_file():
        return _State(0, -1.0, {})
    saved = torch.load(plan.checkpoint, weights_only=True)
    network.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    return _State(saved["epochs_done"], saved["best_f1"], saved["best"])


def _save(path: Path, state: _State, network: Network, optimizer: torch.optim.Optimizer) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")  # a crash while writing leaves the checkpoint before it whole
    torch.save(
        {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epochs_done": state.epochs_done,
            "best_f1": state.best_f1,
            "best": state.best,
        },
        part,
    )
    part.replace(path)


def _groups(network: Network) -> list[dict[str, object]]:
    fitted = [weight for weight in network.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in fitted if weight.ndim > 1], "weight_decay": _WEIGHT_DECAY},
        {"params": [weight for weight in fitted if weight.ndim == 1], "weight_decay": 0.0},
    ]


def _batches(rows: Rows, plan: Plan, epoch: int) -> list[list[int]]:
    """Return row numbers in batches of like length: a shuffled order, sorted within stretches of 32 batches."""
    chance = np.random.default_rng([plan.seed, epoch])
    order = chance.permutation(len(rows.ids)).tolist()
    stretch = 32 * plan.batch_rows
    batches = []
    for start in range(0, len(order), stretch):
        part = sorted(order[start : start + stretch], key=lambda row: len(rows.ids[row]))
        batches += [part[at : at + plan.batch_rows] for at in range(0, len(part), plan.batch_rows)]
    return [batches[number] for number in chance.permutation(len(batches))]


def _loss(network: Network, rows: Rows, batch: list[int], plan: Plan, weights: Tensor) -> Tensor:
    """Cross entropy with the labels; with a teacher, 0.6 of it is the distance to its softened judgement.

    Hinton, Vinyals, Dean (2015), "Distilling the Knowledge in a Neural Network": both sides at temperature 2, the
    distance times its square.
    """
    logits = network(*padded([rows.ids[row] for row in batch]))
    labels = torch.tensor([rows.labels[row] for row in batch])
    told = nn.functional.cross_entropy(logits, labels, weight=weights)
    if plan.judged is None:
        return told
    judged = torch.from_numpy(plan.judged[batch]) / _SOFTNESS
    soft = nn.functional.kl_div(
        (logits / _SOFTNESS).log_softmax(-1), judged.log_softmax(-1), log_target=True, reduction="batchmean"
    )
    return (1 - _TEACHER_SHARE) * told + _TEACHER_SHARE * _SOFTNESS**2 * soft


def _step(network: Network, optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimizer.step()


def _rate_frac(step: int, n_steps: int) -> float:
    """Return the share of the learning rate: rises over the first tenth of the steps, then falls in a line to 0."""
    warmup = max(1, round(n_steps * _WARMUP_FRAC))
    if step < warmup:
        return (step + 1) / warmup
    return max(0.0, (n_steps - step) / max(1, n_steps - warmup))
