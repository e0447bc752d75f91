"""Opening a model's graph with onnxruntime, the one way that is safe here.

One thread, run in sequence, no spinning: worker children are as many as the machine has cores, and a session made
before a fork loses its threads (one that runs in parallel hangs). So each process opens its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import onnxruntime as ort

from model_files.errors import ModelRefused
from model_files.manifest import GRAPH_NAME, Manifest, TensorSpec

__all__ = ["GRAPH_NAME", "open_graph", "open_model", "tensors_of"]

_ERRORS_ONLY: Final = 3
# onnxruntime's joint step of addition and norm is slower on processors than the two it takes the place of.
_SLOWER_TOGETHER: Final = ("SkipLayerNormFusion",)
_DTYPES: Final = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}


def open_model(folder: Path, manifest: Manifest) -> ort.InferenceSession:
    """Return a session over a model whose files and shapes are what its manifest says; else ModelRefused.

    The graph is read once, and the bytes that were checked are the bytes that run: what becomes of the file
    meanwhile or later changes nothing.
    """
    manifest.check_files(folder)
    session = _session(manifest.read(folder, GRAPH_NAME), f"{manifest.name} {manifest.version}")
    _check(manifest, "inputs", manifest.inputs, tensors_of(session.get_inputs()))
    _check(manifest, "outputs", manifest.outputs, tensors_of(session.get_outputs()))
    return session


def open_graph(path: Path) -> ort.InferenceSession:
    """Return a session of one thread over the graph at `path`; ModelRefused when onnxruntime cannot read it."""
    return _session(path.read_bytes(), path.name)


def tensors_of(nodes: Sequence[ort.NodeArg]) -> tuple[TensorSpec, ...]:
    """Return what a graph says of its inputs or outputs; a named or missing length is any."""
    return tuple(
        TensorSpec(
            name=node.name,
            dtype=_DTYPES.get(node.type, node.type),
            shape=tuple(length if isinstance(length, int) else None for length in node.shape),
        )
        for node in nodes
    )


def _session(graph: bytes, called: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    try:
        return ort.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(_SLOWER_TOGETHER)
        )
    except Exception as error:  # onnxruntime's own exceptions have no common base but this one
        raise ModelRefused(f"{called}: onnxruntime cannot read the graph: {error}") from error


def _check(manifest: Manifest, what: str, told: tuple[TensorSpec, ...], found: tuple[TensorSpec, ...]) -> None:
    if told != found:
        raise ModelRefused(f"{manifest.name} {manifest.version}: {what} must be {told}, the graph has {found}")
