"""From a fitted network to the graph that ships: calibration inside, parity with its source, 8-bit weights."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model_files.session import GRAPH_NAME, open_graph
from sentiment_engine.model import padded, run_graph
from sentiment_engine.tokens import TOKENIZER_NAME
from training.errors import ParityBroken
from training.sentiment.calibration import Calibration
from training.sentiment.fitting import logits_of
from training.sentiment.network import Network, base_file
from training.sentiment.quantising import quantise

MAX_TOKENS: Final = 128
PARITY_MAX_ERROR: Final = 1e-5
INT8_SAME_LABEL_FRAC: Final = 0.97
INT8_MEAN_ERROR: Final = 0.02
FIXTURE_NAME: Final = "fixture.npz"
FLOAT_GRAPH_NAME: Final = "float32.onnx"
_OPSET: Final = 17


@dataclass(frozen=True, kw_only=True)
class Fidelity:
    """How far the graphs are from the network: largest errors of a probability, share of equal labels."""

    rows: int
    float_max_error: float
    int8_max_error: float
    int8_mean_error: float
    int8_same_label_frac: float

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def write_graphs(network: Network, calibration: Calibration, folder: Path, ids: Sequence[Sequence[int]]) -> None:
    """Write the float32 graph, the 8-bit graph made from it, and the tokenizer into `folder`.

    ids: token ids of training texts, on which the ranges of the 8-bit steps are measured.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write_float(network, calibration, folder / FLOAT_GRAPH_NAME)
    quantise(folder / FLOAT_GRAPH_NAME, folder / GRAPH_NAME, ids)
    shutil.copyfile(base_file(TOKENIZER_NAME), folder / TOKENIZER_NAME)


def check_parity(network: Network, calibration: Calibration, folder: Path, ids: Sequence[Sequence[int]]) -> Fidelity:
    """Return how far the graphs in `folder` are from the network.

    Raises ParityBroken when the float32 graph is off by over 1e-5 anywhere, or the 8-bit graph, which ships, says
    another label of over 3 % of the rows or is off by over 0.02 on average.
    """
    source = calibration.applied(logits_of(network, ids))
    in_float = run_graph(open_graph(folder / FLOAT_GRAPH_NAME), ids)
    in_int8 = run_graph(open_graph(folder / GRAPH_NAME), ids)
    error = _largest(in_float, source)
    if not error <= PARITY_MAX_ERROR:
        raise ParityBroken(
            f"the float32 graph must answer within {PARITY_MAX_ERROR} of the network, it was {error:.2e}"
        )
    fidelity = Fidelity(
        rows=len(ids),
        float_max_error=float(f"{error:.3g}"),
        int8_max_error=round(_largest(in_int8, source), 4),
        int8_mean_error=round(float(np.abs(in_int8 - source).mean()), 5),
        int8_same_label_frac=round(float((in_int8.argmax(1) == source.argmax(1)).mean()), 5),
    )
    if not (fidelity.int8_same_label_frac >= INT8_SAME_LABEL_FRAC and fidelity.int8_mean_error <= INT8_MEAN_ERROR):
        raise ParityBroken(
            f"the 8-bit graph must say the network's label of {INT8_SAME_LABEL_FRAC:.0%} of texts and be off by at most"
            f" {INT8_MEAN_ERROR} on average, it was {fidelity.int8_same_label_frac:.2%} and"
            f" {fidelity.int8_mean_error:.5f}"
        )
    return fidelity


def write_fixture(network: Network, calibration: Calibration, folder: Path, ids: Sequence[Sequence[int]]) -> None:
    """Write what the network, not the graph, answers to rows of token ids: by it a shipped folder is checked anywhere.

    input_ids and attention_mask are int64 [rows, tokens], probabilities float32 [rows, 3].
    """
    source = calibration.applied(logits_of(network, ids)).astype(np.float32)
    rows = padded(ids)
    np.savez_compressed(
        folder / FIXTURE_NAME,
        probabilities=source,
        input_ids=rows["input_ids"],
        attention_mask=rows["attention_mask"],
    )


class _Calibrated(nn.Module):
    def __init__(self, network: Network, calibration: Calibration) -> None:
        super().__init__()
        self.network = network
        self.temperature = calibration.temperature
        self.bias = nn.Parameter(torch.tensor(calibration.bias, dtype=torch.float32))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.network(input_ids, attention_mask)
        return (logits / self.temperature + self.bias).softmax(-1)


def _write_float(network: Network, calibration: Calibration, path: Path) -> None:
    shipped = Network(network.shape)
    shipped.load_state_dict(network.state_dict())
    weight = shipped.embeddings.positions.weight.detach()[:MAX_TOKENS].clone()
    shipped.embeddings.positions = nn.Embedding(len(weight), weight.shape[1], _weight=weight)
    example = (torch.ones(2, 16, dtype=torch.int64), torch.ones(2, 16, dtype=torch.int64))
    with warnings.catch_warnings():
        # The exporter by tracing is called old; the new one writes a graph that quantises worse and takes a minute.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Calibrated(shipped, calibration).eval(),
            example,
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["probabilities"],
            dynamic_axes={name: {0: "batch", 1: "tokens"} for name in ("input_ids", "attention_mask")}
            | {"probabilities": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,
        )
    onnx.checker.check_model(str(path))


def _largest(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    return float(np.abs(found - expected).max())
