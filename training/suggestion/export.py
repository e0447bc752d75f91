"""Graphs as they are shipped: one input, one output `probabilities`, calibrated, free of everything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from market_data.bars import FloatArray
from training.suggestion.calibration import N_CLASSES, Calibration

CONVERTER_OPSET: Final = 15  # the highest that onnxmltools writes
_TREE_DOMAIN: Final = "ai.onnx.ml"
_TREE_IR: Final = 8
# A classifier's leaves vote by class; a regressor's leaves add to targets: the same numbers under other names.
_RENAMED: Final = {
    "class_ids": "target_ids",
    "class_nodeids": "target_nodeids",
    "class_treeids": "target_treeids",
    "class_weights": "target_weights",
}
_DROPPED: Final = {"classlabels_int64s", "post_transform", "nodes_hitrates"}


def tree_graph(converted: onnx.ModelProto, n_features: int) -> onnx.ModelProto:
    """Return a graph from `features` to `logits`: the converter's trees alone.

    The converter's own classifier gives labels that nobody asks for and probabilities that are not calibrated.
    """
    [trees] = [node for node in converted.graph.node if node.op_type == "TreeEnsembleClassifier"]
    attributes = [_renamed(one) for one in trees.attribute if one.name not in _DROPPED]
    node = onnx.NodeProto(
        op_type="TreeEnsembleRegressor", domain=_TREE_DOMAIN, input=["features"], output=["logits"], name="trees"
    )
    node.attribute.extend([*attributes, helper.make_attribute("n_targets", N_CLASSES)])
    graph = helper.make_graph(
        [node],
        "suggestion",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", n_features])],
        [_output("logits")],
    )
    opsets = [helper.make_opsetid("", CONVERTER_OPSET), helper.make_opsetid(_TREE_DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_TREE_IR, producer_name="aitrader")


def plain_graph(exported: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph without what an exporter tells of the code it came from (paths, stack traces)."""
    model = onnx.ModelProto()
    model.CopyFrom(exported)
    model.producer_name, model.producer_version, model.doc_string = "aitrader", "", ""
    del model.metadata_props[:]
    graph = model.graph
    graph.name, graph.doc_string = "suggestion", ""
    del graph.value_info[:]
    del graph.metadata_props[:]
    told: Iterable[onnx.NodeProto | onnx.ValueInfoProto | onnx.TensorProto] = [
        *graph.node,
        *graph.input,
        *graph.output,
        *graph.initializer,
    ]
    for part in told:
        part.doc_string = ""
        del part.metadata_props[:]
    return model


def with_calibration(member: onnx.ModelProto, calibration: Calibration) -> onnx.ModelProto:
    """Return the member's graph with its calibration behind it: logits -> Mul -> Add -> Softmax -> probabilities."""
    model = onnx.ModelProto()
    model.CopyFrom(member)
    graph = model.graph
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([calibration.scale], dtype=np.float32), "calibration_scale"),
            numpy_helper.from_array(np.array(calibration.shifts, dtype=np.float32), "calibration_shifts"),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Mul", ["logits", "calibration_scale"], ["scaled_logits"], name="scaled"),
            helper.make_node("Add", ["scaled_logits", "calibration_shifts"], ["calibrated_logits"], name="shifted"),
            helper.make_node("Softmax", ["calibrated_logits"], ["probabilities"], name="softmax", axis=1),
        ]
    )
    del graph.output[:]
    graph.output.append(_output("probabilities"))
    onnx.checker.check_model(model, full_check=True)
    return model


def float32_calibration(calibration: Calibration) -> Calibration:
    """Return the calibration as the graph holds it, so that source and graph compute with the same two numbers."""
    rounded: FloatArray = np.array([calibration.scale, calibration.hold_shift], dtype=np.float32).astype(np.float64)
    return Calibration(scale=float(rounded[0]), hold_shift=float(rounded[1]))


def _renamed(attribute: onnx.AttributeProto) -> onnx.AttributeProto:
    renamed = onnx.AttributeProto()
    renamed.CopyFrom(attribute)
    renamed.name = _RENAMED.get(attribute.name, attribute.name)
    return renamed


def _output(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", N_CLASSES])
