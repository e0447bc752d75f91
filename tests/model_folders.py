"""Small real models on disk: a graph that adds a number to its input, with a manifest that tells the truth."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from model_files import Manifest, Task, TensorSpec
from model_files.manifest import describe_files, folder_of

INPUT = TensorSpec(name="x", dtype="float32", shape=(None, 2))
OUTPUT = TensorSpec(name="y", dtype="float32", shape=(None, 2))


def graph_bytes(added: float, *, width: int = 2) -> bytes:
    """Return a graph that adds a number to each value of its input, shape (rows, width)."""
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]) for name in ("x", "y")]
    number = helper.make_tensor("number", TensorProto.FLOAT, [1], [added])
    graph = helper.make_graph([helper.make_node("Add", ["x", "number"], ["y"])], "adder", *([t] for t in tensors))
    graph.initializer.append(number)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def write_model(
    root: Path,
    added: float,
    *,
    name: str = "adder",
    task: Task = "suggestion",
    trained_to: date = date(2015, 12, 31),
    width: int = 2,
    **changes: Any,
) -> Manifest:
    """Write a model below `root`, in its folder; return its manifest. `width` other than 2 breaks its promise."""
    draft = root / f".{name}-{added}"
    draft.mkdir(parents=True)
    (draft / "model.onnx").write_bytes(graph_bytes(added, width=width))
    (draft / "card.md").write_text(f"# {name}\n\nIt adds {added}.\n")
    manifest = Manifest(
        name=name,
        version="",
        task=task,
        files=describe_files(draft, ["model.onnx", "card.md"]),
        inputs=(INPUT,),
        outputs=(OUTPUT,),
        trained_from=date(2000, 1, 1),
        trained_to=trained_to,
        expires_at=date(trained_to.year + 1, 12, 31),
        metrics={"auc": 0.51},
        provenance={"added": added},
    )
    manifest = replace(manifest, **changes).versioned()
    manifest.write(draft)
    folder = folder_of(root, manifest)
    folder.parent.mkdir(exist_ok=True)
    draft.rename(folder)
    return manifest
