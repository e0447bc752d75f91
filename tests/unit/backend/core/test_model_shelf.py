"""The two places of model files, and what of them is believed."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from backend.core.model_shelf import ModelRecord, ModelShelf, model_row, shipped_models
from model_files import Manifest, ModelRefused
from model_files.manifest import folder_of
from tests.model_folders import graph_bytes, write_model


@pytest.fixture
def shelf(tmp_path: Path) -> ModelShelf:
    return ModelShelf(f"file://{tmp_path / 'store'}", shipped=tmp_path / "shipped")


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return write_model(tmp_path / "shipped", 1.0)


def record_of(manifest: Manifest, source: str = "shipped") -> ModelRecord:
    return ModelRecord(manifest.name, manifest.version, manifest.sha256, source)  # type: ignore[arg-type]


@pytest.fixture(params=["shipped", "store"])
def record(request: pytest.FixtureRequest, shelf: ModelShelf, manifest: Manifest, tmp_path: Path) -> ModelRecord:
    """A model in each of the two places."""
    if request.param == "store":
        shelf.keep(folder_of(tmp_path / "shipped", manifest), manifest)
        shutil.rmtree(tmp_path / "shipped")
    return record_of(manifest, request.param)


def file_of(record: ModelRecord, tmp_path: Path, name: str) -> Path:
    root = tmp_path / ("shipped" if record.source == "shipped" else "store/models")
    return root / record.name / record.version / name


def test_whole_model_is_accepted(shelf: ModelShelf, record: ModelRecord, manifest: Manifest) -> None:
    assert shelf.check(record) == manifest


@pytest.mark.parametrize("name", ["model.onnx", "card.md"])
def test_swapped_file_is_refused(shelf: ModelShelf, record: ModelRecord, tmp_path: Path, name: str) -> None:
    file_of(record, tmp_path, name).write_bytes(graph_bytes(2.0))
    with pytest.raises(ModelRefused, match=f"{name} must have the sha256"):
        shelf.check(record)


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_missing_file_is_refused(shelf: ModelShelf, record: ModelRecord, tmp_path: Path, name: str) -> None:
    file_of(record, tmp_path, name).unlink()
    with pytest.raises(ModelRefused, match=f"{name} is missing"):
        shelf.check(record)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]"])
def test_broken_manifest_is_refused(shelf: ModelShelf, record: ModelRecord, tmp_path: Path, text: str) -> None:
    file_of(record, tmp_path, "manifest.json").write_text(text)
    with pytest.raises(ModelRefused, match=r"is not JSON|not a manifest"):
        shelf.check(record)


def test_another_model_with_a_manifest_of_its_own_is_refused(
    shelf: ModelShelf, record: ModelRecord, tmp_path: Path
) -> None:
    """Files and manifest swapped together agree with each other, but not with the database."""
    other = write_model(tmp_path / "other", 2.0)
    for path in folder_of(tmp_path / "other", other).iterdir():
        shutil.copy(path, file_of(record, tmp_path, path.name))
    with pytest.raises(ModelRefused, match=f"must have the sha256 {record.sha256}"):
        shelf.check(record)


def test_model_is_copied_whole(shelf: ModelShelf, record: ModelRecord, manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    shelf.copy(record, tmp_path / "copy")
    manifest.check_files(tmp_path / "copy")
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"card.md", "manifest.json", "model.onnx"}


def test_state_changes_with_the_files_and_only_then(shelf: ModelShelf, record: ModelRecord, tmp_path: Path) -> None:
    before = shelf.state(record)
    assert shelf.state(record) == before
    file_of(record, tmp_path, "model.onnx").unlink()
    without = shelf.state(record)
    file_of(record, tmp_path, "model.onnx").write_bytes(b"something else")
    assert len({before, without, shelf.state(record)}) == 3


def test_state_of_a_model_that_is_nowhere_is_defined(shelf: ModelShelf, manifest: Manifest) -> None:
    nowhere = replace(record_of(manifest), version="1")
    assert shelf.state(nowhere) == shelf.state(nowhere)
    with pytest.raises(ModelRefused, match=r"manifest\.json is missing"):
        shelf.check(nowhere)


def test_keeping_twice_is_keeping_once(shelf: ModelShelf, manifest: Manifest, tmp_path: Path) -> None:
    for _ in range(2):
        shelf.keep(folder_of(tmp_path / "shipped", manifest), manifest)
    assert shelf.check(record_of(manifest, "store")) == manifest


def test_broken_model_is_not_kept(shelf: ModelShelf, manifest: Manifest, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "shipped", manifest)
    (folder / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelRefused):
        shelf.keep(folder, manifest)
    assert not (tmp_path / "store").exists()


def test_shipped_models_are_listed_oldest_first_and_broken_ones_left_out(tmp_path: Path) -> None:
    shipped = tmp_path / "shipped"
    new = write_model(shipped, 1.0, trained_to=date(2016, 12, 31))
    old = write_model(shipped, 2.0, trained_to=date(2015, 12, 31))
    (shipped / "adder" / "broken").mkdir()
    (shipped / "adder" / "broken" / "manifest.json").write_text("{")
    misplaced = write_model(shipped, 3.0)
    folder_of(shipped, misplaced).rename(shipped / "adder" / "elsewhere")
    assert shipped_models(shipped) == [old, new]
    assert shipped_models(tmp_path / "nothing") == []


def test_new_row_is_a_candidate_with_its_card(manifest: Manifest, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "shipped", manifest)
    row = model_row(manifest, folder, "store")
    assert (row["stage"], row["source"], row["sha256"]) == ("candidate", "store", manifest.sha256)
    assert row["card"].startswith("# adder")
    (folder / "card.md").unlink()
    assert model_row(manifest, folder, "store")["card"] == ""
