"""8-bit weights and activations whose scales are fixed beforehand, so that a text's answer depends on that text alone.

Scales taken while running (onnxruntime's dynamic quantisation) are over the whole batch: the same headline then scores
differently beside other headlines. Here each linear step's input has one range, measured on training texts:

    1. Channels that swing wider than others are scaled down and their weights up by as much ("SmoothQuant", Xiao et
       al. 2023), only where the input is narrow: the multiplication would cost more than it gains on wide ones.
    2. The range holds all but 0.005 % of the values at either end; what lies beyond is clipped.
    3. Weights have one scale an output. Of their 8 bits 7 are used: processors without VNNI add two products in 16
       bits and would overflow.

Word and position embeddings are 8-bit, too; attention, norms and the last layer stay in float32.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from model_files.session import open_graph
from sentiment_engine.model import padded

CALIBRATION_ROWS: Final = 600
_CLIPPED_FRAC: Final = 5e-5
_SMOOTHING: Final = 0.5
_SWING_FRAC: Final = 0.999
_SMALLEST_SWING: Final = 1e-4
_FACTOR_LIMITS: Final = (0.05, 20.0)
_WIDEST_SMOOTHED: Final = 384
_FEWEST_OUTPUTS: Final = 8  # the last layer's three stay as they are
_WEIGHT_STEPS: Final = 63
_INPUT_STEPS: Final = 255
_MICROSOFT: Final = "com.microsoft"


def quantise(source: Path, target: Path, ids: Sequence[Sequence[int]]) -> None:
    """Write the float32 graph `source` with 8-bit weights; ranges are those of the first 600 rows of token ids."""
    with tempfile.TemporaryDirectory() as name:
        halfway = Path(name) / "embeddings.onnx"
        logging.getLogger().setLevel(logging.ERROR)  # the quantiser speaks to the root logger at each run
        quantize_dynamic(source, halfway, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8)
        model = onnx.load(str(halfway))
        linears = _linears(model.graph)
        seen = _inputs_seen(model, list(dict.fromkeys(one.node.input[0] for one in linears)), ids[:CALIBRATION_ROWS])
    _rewrite(model, linears, {name: _scaled(values) for name, values in seen.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


@dataclass(frozen=True)
class _Linear:
    """A multiplication by weights [inputs, outputs] and the addition of a bias after it."""

    node: onnx.NodeProto
    added: onnx.NodeProto
    weights: NDArray[np.float32]
    bias_name: str


@dataclass(frozen=True)
class _Scale:
    """How an input is told in 8 bits: input / factors = step * (told - zero); factors are one a channel."""

    factors: NDArray[np.float64] | None
    step: np.float32
    zero: np.uint8


def _linears(graph: onnx.GraphProto) -> list[_Linear]:
    held = {one.name: one for one in graph.initializer}
    adds = {name: node for node in graph.node if node.op_type == "Add" for name in node.input}
    found = []
    for node in graph.node:
        if node.op_type != "MatMul" or node.input[1] not in held:
            continue
        weights = numpy_helper.to_array(held[node.input[1]])
        if weights.ndim != 2 or weights.shape[1] < _FEWEST_OUTPUTS:  # noqa: PLR2004 -- a matrix; heads stay in float32
            continue
        added = adds[node.output[0]]
        (bias_name,) = (name for name in added.input if name != node.output[0])
        found.append(_Linear(node, added, weights, bias_name))
    return found


def _inputs_seen(
    model: onnx.ModelProto, names: Sequence[str], ids: Sequence[Sequence[int]]
) -> dict[str, NDArray[np.float32]]:
    """Return the values [tokens, channels] that each named tensor takes over these rows."""
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    opened.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "opened.onnx"
        onnx.save(opened, str(path))
        session = open_graph(path)
    parts = [session.run(list(names), padded([row])) for row in ids]
    return {
        name: np.concatenate([part[at].reshape(-1, part[at].shape[-1]) for part in parts])
        for at, name in enumerate(names)
    }


def _scaled(values: NDArray[np.float32]) -> _Scale:
    factors = None
    told: NDArray[np.floating] = values
    if values.shape[1] <= _WIDEST_SMOOTHED:
        swings = np.quantile(np.abs(values), _SWING_FRAC, axis=0).clip(_SMALLEST_SWING)
        factors = ((swings / swings.mean()) ** _SMOOTHING).clip(*_FACTOR_LIMITS)
        told = values / factors
    low, high = np.quantile(told, (_CLIPPED_FRAC, 1 - _CLIPPED_FRAC))
    low, high = min(0.0, float(low)), max(0.0, float(high))
    step = max(high - low, _SMALLEST_SWING) / _INPUT_STEPS
    return _Scale(factors, np.float32(step), np.uint8(round(-low / step)))


def _rewrite(model: onnx.ModelProto, linears: Sequence[_Linear], scales: Mapping[str, _Scale]) -> None:
    """Put the 8-bit steps in the places of the float ones."""
    by_output = {one.node.output[0]: one for one in linears}
    dropped = {one.node.input[1] for one in linears}
    added = {one.added.output[0] for one in linears}
    nodes: list[onnx.NodeProto] = []
    held = [one for one in model.graph.initializer if one.name not in dropped]
    told: dict[str, _Told] = {}
    for node in model.graph.node:
        linear = by_output.get(node.output[0])
        if linear is not None:
            name = node.input[0]
            if name not in told:
                told[name] = _Told(name, scales[name])
                nodes += told[name].nodes()
                held += told[name].tensors()
            nodes.append(_multiplied(linear, told[name]))
            held += _weights(linear, scales[name])
        elif node.output[0] not in added:
            nodes.append(node)
    _replace(model, nodes, held)


@dataclass(frozen=True)
class _Told:
    """The steps that turn one float input into 8 bits, used by all the linear steps that read it."""

    name: str
    scale: _Scale

    def nodes(self) -> list[onnx.NodeProto]:
        smooth = f"{self.name}/smooth"
        source = self.name if self.scale.factors is None else smooth
        quantised = helper.make_node(
            "QuantizeLinear", [source, f"{self.name}/step", f"{self.name}/zero"], [f"{self.name}/int8"]
        )
        if self.scale.factors is None:
            return [quantised]
        return [helper.make_node("Mul", [self.name, f"{self.name}/factors"], [smooth]), quantised]

    def tensors(self) -> list[onnx.TensorProto]:
        held: dict[str, NDArray[np.generic]] = {
            f"{self.name}/step": np.asarray(self.scale.step),
            f"{self.name}/zero": np.asarray(self.scale.zero),
        }
        if self.scale.factors is not None:
            held[f"{self.name}/factors"] = (1 / self.scale.factors).astype(np.float32)
        return _tensors(held)


def _multiplied(linear: _Linear, told: _Told) -> onnx.NodeProto:
    own = linear.node.output[0]
    names = [f"{told.name}/int8", f"{own}/weights", f"{told.name}/step", f"{own}/steps", f"{told.name}/zero"]
    return helper.make_node(
        "MatMulIntegerToFloat",
        [*names, f"{own}/zeros", linear.bias_name],
        [linear.added.output[0]],
        name=linear.node.name,
        domain=_MICROSOFT,
    )


def _weights(linear: _Linear, scale: _Scale) -> list[onnx.TensorProto]:
    weights = linear.weights.astype(np.float64)
    if scale.factors is not None:
        weights = weights * scale.factors[:, None]
    steps = np.abs(weights).max(axis=0).clip(_SMALLEST_SWING) / _WEIGHT_STEPS
    own = linear.node.output[0]
    return _tensors(
        {
            f"{own}/weights": np.round(weights / steps).astype(np.int8),
            f"{own}/steps": steps.astype(np.float32),
            f"{own}/zeros": np.zeros(weights.shape[1], dtype=np.int8),
        }
    )


def _tensors(named: Mapping[str, NDArray[np.generic]]) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(values, name) for name, values in named.items()]


def _replace(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto], held: Iterable[onnx.TensorProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.initializer[:]
    model.graph.initializer.extend(held)
    if all(one.domain != _MICROSOFT for one in model.opset_import):
        model.opset_import.append(helper.make_opsetid(_MICROSOFT, 1))
