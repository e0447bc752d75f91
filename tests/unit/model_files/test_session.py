"""Opening graphs: what is opened is what was checked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_files import ModelRefused, TensorSpec
from model_files.manifest import describe_files, folder_of
from model_files.session import open_graph, open_model
from tests.model_folders import graph_bytes, write_model

ROWS = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)


def test_opened_model_scores(tmp_path: Path) -> None:
    manifest = write_model(tmp_path, 0.5)
    session = open_model(folder_of(tmp_path, manifest), manifest)
    assert session.run(["y"], {"x": ROWS})[0].tolist() == [[1.5, 2.5], [3.5, 4.5]]


def test_session_has_one_thread_and_runs_in_sequence(tmp_path: Path) -> None:
    manifest = write_model(tmp_path, 0.5)
    options = open_model(folder_of(tmp_path, manifest), manifest).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.execution_mode.name == "ORT_SEQUENTIAL"
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_swap_after_opening_changes_nothing(tmp_path: Path) -> None:
    manifest = write_model(tmp_path, 0.5)
    folder = folder_of(tmp_path, manifest)
    session = open_model(folder, manifest)
    (folder / "model.onnx").write_bytes(graph_bytes(100.0))
    assert session.run(["y"], {"x": ROWS})[0][0, 0] == 1.5
    with pytest.raises(ModelRefused, match="sha256"):
        open_model(folder, manifest)


def test_graph_of_another_shape_than_promised_is_refused(tmp_path: Path) -> None:
    manifest = write_model(tmp_path, 0.5, width=3)
    with pytest.raises(ModelRefused, match=r"inputs must be .*shape=\(None, 2\).*, the graph has .*shape=\(None, 3\)"):
        open_model(folder_of(tmp_path, manifest), manifest)


def test_graph_with_another_output_than_promised_is_refused(tmp_path: Path) -> None:
    manifest = write_model(tmp_path, 0.5, outputs=(TensorSpec(name="z", dtype="float32", shape=(None, 2)),))
    with pytest.raises(ModelRefused, match="outputs must be"):
        open_model(folder_of(tmp_path, manifest), manifest)


@pytest.mark.parametrize("content", [b"", b"not a graph", graph_bytes(1.0)[:-20]])
def test_file_that_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelRefused, match="cannot read the graph"):
        open_graph(tmp_path / "model.onnx")


def test_manifest_that_does_not_vouch_for_the_graph_is_refused(tmp_path: Path) -> None:
    manifest = write_model(tmp_path, 0.5)
    folder = folder_of(tmp_path, manifest)
    silent = replace(manifest, files=describe_files(folder, ["card.md"]))
    with pytest.raises(ModelRefused, match=r"must name model\.onnx"):
        open_model(folder, silent)
