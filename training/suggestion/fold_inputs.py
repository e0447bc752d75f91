"""What a fold's members are given: ranks come from the fold's own training rows, so no later row shapes them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from market_data.bars import IntArray
from suggestion_engine.features import with_ranks
from suggestion_engine.reference import Reference, build_reference
from training.suggestion.dataset import Dataset, Rows
from training.suggestion.members.member import Float32Array, InputKind
from training.suggestion.sequences import sequences_at
from training.suggestion.splits import Fold

_BLANK_FRAC = 0.01


@dataclass(frozen=True, eq=False)
class FoldInputs:
    """A fold's reference universe, and inputs for any rows by it."""

    dataset: Dataset
    fold: Fold
    seed: int

    @cached_property
    def reference(self) -> Reference:
        train = self.dataset.rows.places[self.fold.train]
        return build_reference(self.dataset.raw[train].astype(np.float64), self.seed)

    def of(self, kind: InputKind, rows: Rows) -> Float32Array:
        """Return shape (n, features) or (n, bars, channels)."""
        return inputs_of(kind, self.dataset, rows, self.reference)


def inputs_of(kind: InputKind, dataset: Dataset, rows: Rows, reference: Reference) -> Float32Array:
    """Return what a member of this kind takes for these rows, ranked in `reference`."""
    if kind == "sequence":
        return sequences_at(dataset.raw, rows.places)
    return with_ranks(dataset.raw[rows.places].astype(np.float64), reference)


def thinned(rows: IntArray, *, at_most: int, seed: int) -> IntArray:
    """Return at most so many of the rows, chosen by chance, in their order."""
    if len(rows) <= at_most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, at_most, replace=False))


def with_blanks(inputs: Float32Array, *, seed: int) -> Float32Array:
    """Return the inputs with one value in a hundred missing, so that a member learns what to do without any of them."""
    blanked = inputs.copy()
    blanked[np.random.default_rng(seed).random(inputs.shape, dtype=np.float32) < _BLANK_FRAC] = np.nan
    return blanked
