"""What a member of the ensemble can do."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from market_data.bars import FloatArray, IntArray

InputKind = Literal["features", "sequence"]
Float32Array = NDArray[np.float32]


class Fitted(Protocol):
    """A fitted member: its source model, and that model as a graph."""

    def logits(self, inputs: Float32Array) -> FloatArray:
        """Return shape (n, 3): sell, hold, buy, as the source library computes them."""
        ...

    def dump(self) -> bytes:
        """Return the source model; `Member.load` takes it back."""
        ...

    def graph(self) -> onnx.ModelProto:
        """Return a graph from this member's input (by its kind's name) to `logits`, any number of rows."""
        ...


class Member(Protocol):
    """A way to fit; `settings` tells the card how."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> InputKind: ...

    @property
    def settings(self) -> dict[str, float | int | str]: ...

    def fit(self, inputs: Float32Array, labels: IntArray, *, seed: int) -> Fitted:
        """Return a fitted member.

        inputs: shape (n, features) or (n, bars, channels), NaN allowed; labels: shape (n,), 0 sell, 1 hold, 2 buy.
        """
        ...

    def load(self, content: bytes) -> Fitted: ...
