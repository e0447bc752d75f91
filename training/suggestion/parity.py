"""The gate of every export: the graph must answer what its source model answers."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnxruntime as ort

from market_data.bars import FloatArray
from training.errors import ParityBroken
from training.suggestion.members.member import Float32Array

MAX_ERROR: Final = 1e-5
_BATCH_ROWS: Final = 4096


def score(session: ort.InferenceSession, inputs: Float32Array) -> FloatArray:
    """Return the graph's probabilities, shape (n, 3), of any number of rows."""
    name = session.get_inputs()[0].name
    parts = [
        np.asarray(session.run(None, {name: inputs[first : first + _BATCH_ROWS]})[0])
        for first in range(0, len(inputs), _BATCH_ROWS)
    ]
    return np.concatenate(parts).astype(np.float64)


def check_parity(
    session: ort.InferenceSession, inputs: Float32Array, expected: FloatArray, *, fewest_rows: int
) -> float:
    """Return the largest difference between the graph's probabilities and `expected`, the source model's.

    Raises ParityBroken above 1e-5, for NaN, and when the inputs are fewer than `fewest_rows` or hold no NaN.
    """
    if len(inputs) < fewest_rows:
        raise ParityBroken(f"parity must be measured on at least {fewest_rows} rows, there were {len(inputs)}")
    if not np.isnan(inputs).any():
        raise ParityBroken("parity must be measured on rows of which some hold NaN, none did")
    error = float(np.abs(score(session, inputs) - expected).max())
    if not error <= MAX_ERROR:
        raise ParityBroken(f"the graph must answer its source model to {MAX_ERROR}, the largest error was {error}")
    return error
