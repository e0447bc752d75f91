"""Copies of stored models on this host: whole or not at all, and mended when they went bad."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.core.model_shelf import ModelRecord, ModelShelf
from model_files import Manifest, ModelRefused
from model_files.manifest import folder_of
from tests.model_folders import write_model
from workers.inference.local_copies import LocalCopies


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return write_model(tmp_path / "made", 1.0)


@pytest.fixture
def shelf(tmp_path: Path, manifest: Manifest) -> ModelShelf:
    shelf = ModelShelf(f"file://{tmp_path / 'store'}", shipped=tmp_path / "shipped")
    shelf.keep(folder_of(tmp_path / "made", manifest), manifest)
    return shelf


@pytest.fixture
def copies(tmp_path: Path, shelf: ModelShelf) -> LocalCopies:
    return LocalCopies(tmp_path / "copies", shelf)


@pytest.fixture
def record(manifest: Manifest) -> ModelRecord:
    return ModelRecord(manifest.name, manifest.version, manifest.sha256, "store")


def checked_folder(folder: Path, manifest: Manifest) -> Path:
    """The simplest opener."""
    manifest.check_files(folder)
    return folder


def test_model_of_the_store_is_opened_from_a_copy(copies: LocalCopies, record: ModelRecord, tmp_path: Path) -> None:
    folder = copies.open(record, checked_folder)
    assert folder == tmp_path / "copies" / record.name / record.version
    assert {path.name for path in folder.iterdir()} == {"card.md", "manifest.json", "model.onnx"}
    assert [path.name for path in (tmp_path / "copies").iterdir() if path.name.startswith(".")] == [".lock"]


def test_copy_serves_when_the_store_is_gone(copies: LocalCopies, record: ModelRecord, tmp_path: Path) -> None:
    folder = copies.open(record, checked_folder)
    (tmp_path / "store").rename(tmp_path / "away")
    assert copies.open(record, checked_folder) == folder


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_copy_that_went_bad_is_made_anew(
    copies: LocalCopies, record: ModelRecord, name: str, content: bytes | None
) -> None:
    folder = copies.open(record, checked_folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    assert copies.open(record, checked_folder) == folder


def test_bad_model_in_the_store_leaves_no_copy(copies: LocalCopies, record: ModelRecord, tmp_path: Path) -> None:
    (tmp_path / "store" / "models" / record.name / record.version / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelRefused, match=r"model\.onnx must have the sha256"):
        copies.open(record, checked_folder)
    assert [path.name for path in (tmp_path / "copies").rglob("*") if path.is_file()] == [".lock"]


def test_many_at_once_make_one_copy(copies: LocalCopies, record: ModelRecord) -> None:
    start = threading.Barrier(8)

    def open_one(_: int) -> Path:
        start.wait(10)
        return copies.open(record, checked_folder)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(open_one, range(8)))) == 1


@pytest.mark.parametrize("error", [KeyError("classes"), ValueError("no array"), RuntimeError("no session")])
def test_whatever_an_opener_stumbles_over_refuses_the_model(
    copies: LocalCopies, record: ModelRecord, error: Exception
) -> None:
    def stumble(folder: Path, manifest: Manifest) -> None:
        raise error

    with pytest.raises(ModelRefused, match=f"cannot be opened: {type(error).__name__}"):
        copies.open(record, stumble)


def test_lack_of_memory_is_not_blamed_on_the_model(copies: LocalCopies, record: ModelRecord) -> None:
    def stumble(folder: Path, manifest: Manifest) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        copies.open(record, stumble)
