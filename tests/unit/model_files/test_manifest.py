"""What a manifest says, and what is not one."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from model_files import Manifest, ModelRefused
from model_files.manifest import MANIFEST_NAME, describe_files, folder_of, model_folders, read_manifest, read_manifests
from tests.model_folders import write_model


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return write_model(tmp_path, 1.0)


@pytest.fixture
def folder(tmp_path: Path, manifest: Manifest) -> Path:
    return folder_of(tmp_path, manifest)


def test_what_was_written_is_read_back_equal(folder: Path, manifest: Manifest) -> None:
    assert read_manifest(folder) == manifest
    assert read_manifest(folder).sha256 == manifest.sha256


def test_version_is_named_by_the_content_and_the_end_of_training(manifest: Manifest) -> None:
    assert manifest.version == f"2015.12.31-{manifest.sha256[:8]}"
    assert manifest.versioned() == manifest
    assert replace(manifest, metrics={"auc": 0.52}).versioned().version != manifest.version


def test_model_is_expired_from_the_day_it_says(manifest: Manifest) -> None:
    assert not manifest.is_expired(date(2016, 12, 30))
    assert manifest.is_expired(date(2016, 12, 31))


def test_whole_files_are_accepted(folder: Path, manifest: Manifest) -> None:
    manifest.check_files(folder)
    assert describe_files(folder, ["card.md", "model.onnx"]) == manifest.files


def test_changed_file_is_refused_by_name(folder: Path, manifest: Manifest) -> None:
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ModelRefused, match=r"model\.onnx must have the sha256 .+, it was "):
        manifest.check_files(folder)


def test_missing_file_is_refused_by_name(folder: Path, manifest: Manifest) -> None:
    (folder / "card.md").unlink()
    with pytest.raises(ModelRefused, match=r"card\.md is missing"):
        manifest.check_files(folder)


def test_file_that_is_not_named_cannot_be_checked(manifest: Manifest) -> None:
    with pytest.raises(ModelRefused, match=r"must name reference\.npz"):
        manifest.file("reference.npz")


WRONG = {
    "name": [None, "", "../adder", "Adder", "a/b"],
    "version": ["", "..", "../x", 1],
    "task": ["trading"],
    "schema_version": [2, None],
    "trained_to": ["yesterday", None],
    "files": [None, [{"name": "../model.onnx", "sha256": "", "size_bytes": 1}], [{"name": "model.onnx"}], ["model"]],
    "inputs": [[{"name": "x"}], [1]],
    "settings": [[]],
    "metrics": ["auc"],
    "surprise": [1],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_what_is_not_a_manifest_is_refused(manifest: Manifest, key: str, value: object) -> None:
    with pytest.raises(ModelRefused, match="not a manifest"):
        Manifest.from_json(manifest.to_json() | {key: value})


@pytest.mark.parametrize("key", ["name", "files", "expires_at", "schema_version"])
def test_manifest_without_a_part_is_refused(manifest: Manifest, key: str) -> None:
    told = manifest.to_json()
    del told[key]
    with pytest.raises(ModelRefused, match="not a manifest"):
        Manifest.from_json(told)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[1, 2]"])
def test_file_that_holds_no_manifest_is_refused(folder: Path, text: str) -> None:
    (folder / MANIFEST_NAME).write_text(text)
    with pytest.raises(ModelRefused):
        read_manifest(folder)


def test_folder_without_a_manifest_is_refused_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"adder/1 has no readable manifest\.json: No such file") as refused:
        read_manifest(tmp_path / "adder" / "1")
    assert str(tmp_path) not in str(refused.value)


def test_models_below_a_folder_are_found_by_name_and_version(tmp_path: Path) -> None:
    made = [write_model(tmp_path, added, name=name) for name in ("b", "a") for added in (1.0, 2.0)]
    (tmp_path / "c" / "unfinished").mkdir(parents=True)
    assert [(one.name, one.version) for one in read_manifests(tmp_path)] == sorted((m.name, m.version) for m in made)
    assert len(model_folders(tmp_path)) == 4


def test_manifest_is_plain_json_without_a_clock(folder: Path, manifest: Manifest) -> None:
    text = (folder / MANIFEST_NAME).read_text()
    manifest.write(folder)
    assert (folder / MANIFEST_NAME).read_text() == text
    assert json.loads(text) == manifest.to_json()
