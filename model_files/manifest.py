"""What is known of a trained model, written beside its files: which they are, what goes in, what comes out.

    models/<name>/<version>/manifest.json   this
                            model.onnx      the graph
                            card.md         what it can and cannot do, for people
                            ...             whatever its engine needs beside the graph

A manifest holds no clock: the same data, code and seed give the same manifest, and with it the same `sha256`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, Self, get_args

from model_files.errors import ModelRefused

Task = Literal["suggestion", "sentiment"]

MANIFEST_NAME: Final = "manifest.json"
GRAPH_NAME: Final = "model.onnx"
CARD_NAME: Final = "card.md"
SCHEMA_VERSION: Final = 1
NAME_PATTERN: Final = r"^[a-z][a-z0-9-]{0,63}$"
VERSION_PATTERN: Final = r"^[0-9A-Za-z][0-9A-Za-z.-]{0,63}$"
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """One file of a model, by its name inside the model's folder."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """An input or output of the graph; None in `shape` is any length (the rows of a batch)."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A model's identity and interface.

    `settings` are what its engine needs to score with it, `metrics` its headline figures, `provenance` what it was
    made from: command, data, seed, versions of the tools. All three are JSON.
    """

    name: str
    version: str
    task: Task
    files: tuple[ModelFile, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    trained_from: date
    trained_to: date
    expires_at: date
    feature_set: str | None = None
    timeframe: str | None = None
    horizon_bars: int | None = None
    held_out_symbols: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    metrics: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    provenance: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON
    schema_version: int = SCHEMA_VERSION

    @property
    def sha256(self) -> str:
        """Return the hash that names this model: over everything here but the version, which is made from it."""
        told = {key: value for key, value in self.to_json().items() if key != "version"}
        return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def versioned(self) -> Self:
        """Return this with the version that its content gives it: the end of its training data and its hash."""
        return replace(self, version=f"{self.trained_to:%Y.%m.%d}-{self.sha256[:8]}")

    def is_expired(self, today: date) -> bool:
        return today >= self.expires_at

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return plain JSON values; `from_json` takes them back."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self), default=_plain, allow_nan=False))
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:  # Any: JSON
        """Return the manifest; ModelRefused says what is missing or of another kind than expected."""
        try:
            return cls._from_json(plain)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelRefused(f"this is not a manifest of version {SCHEMA_VERSION}: {error!r}") from error

    def file(self, name: str) -> ModelFile:
        """Return what is said of one file; ModelRefused when the manifest does not name it."""
        for file in self.files:
            if file.name == name:
                return file
        raise ModelRefused(f"{self.name} {self.version}: the manifest must name {name}, it does not")

    def write(self, folder: Path) -> None:
        text = json.dumps(self.to_json(), indent=2, sort_keys=True) + "\n"
        (folder / MANIFEST_NAME).write_text(text, encoding="utf-8")

    def check_files(self, folder: Path) -> None:
        """Raise ModelRefused unless every file is there, whole and unchanged."""
        for file in self.files:
            path = folder / file.name
            if not path.is_file():
                raise ModelRefused(f"{self.name} {self.version}: {file.name} is missing")
            self.check_sha256(file.name, sha256_of(path))

    def check_sha256(self, name: str, found: str) -> None:
        """Raise ModelRefused unless the file of that name has this hash."""
        wanted = self.file(name).sha256
        if found != wanted:
            raise ModelRefused(f"{self.name} {self.version}: {name} must have the sha256 {wanted}, it was {found}")

    def read(self, folder: Path, name: str) -> bytes:
        """Return a file's content, checked: what becomes of the file later changes nothing. Else ModelRefused."""
        try:
            content = (folder / self.file(name).name).read_bytes()
        except OSError as error:
            raise ModelRefused(f"{self.name} {self.version}: {name} cannot be read: {error.strerror}") from error
        self.check_sha256(name, hashlib.sha256(content).hexdigest())
        return content

    @classmethod
    def _from_json(cls, plain: Mapping[str, Any]) -> Self:  # Any: JSON
        if plain["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version must be {SCHEMA_VERSION}, it was {plain['schema_version']!r}")
        if plain["task"] not in get_args(Task):
            raise ValueError(f"task must be one of {', '.join(get_args(Task))}, it was {plain['task']!r}")
        dates = {key: date.fromisoformat(plain[key]) for key in ("trained_from", "trained_to", "expires_at")}
        lists = {
            "files": tuple(_file(file) for file in plain["files"]),
            "inputs": _tensors(plain["inputs"]),
            "outputs": _tensors(plain["outputs"]),
            "held_out_symbols": tuple(plain["held_out_symbols"]),
        }
        _require(plain["name"], NAME_PATTERN, "name")
        _require(plain["version"], VERSION_PATTERN, "version")
        for key in ("settings", "metrics", "provenance"):
            if not isinstance(plain[key], Mapping):
                raise TypeError(f"{key} must be an object, it was {plain[key]!r}")
        return cls(**{**plain, **dates, **lists})


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest in `folder`; ModelRefused when there is none that can be read."""
    try:
        plain = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelRefused(f"{'/'.join(folder.parts[-2:])} has no readable {MANIFEST_NAME}: {reason}") from error
    return Manifest.from_json(plain)


def read_manifests(root: Path) -> list[Manifest]:
    """Return all manifests below `root`, by name and version; one that cannot be read raises ModelRefused."""
    return [read_manifest(folder) for folder in model_folders(root)]


def model_folders(root: Path) -> list[Path]:
    """Return the folders below `root` that hold a manifest, by name and version."""
    return sorted(path.parent for path in root.glob(f"*/*/{MANIFEST_NAME}"))


def folder_of(root: Path, manifest: Manifest) -> Path:
    return root / manifest.name / manifest.version


def describe_files(folder: Path, names: Iterable[str]) -> tuple[ModelFile, ...]:
    """Return what a manifest says of these files of `folder`."""
    paths: Sequence[Path] = [folder / name for name in sorted(names)]
    return tuple(ModelFile(name=path.name, sha256=sha256_of(path), size_bytes=path.stat().st_size) for path in paths)


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _require(text: Any, pattern: str, what: str) -> None:  # Any: JSON
    """Refuse what could not be a folder's name: a manifest may have come from anywhere."""
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise ValueError(f"{what} must match {pattern}, it was {text!r}")


def _file(plain: Mapping[str, Any]) -> ModelFile:  # Any: JSON
    file = ModelFile(**plain)
    if Path(file.name).name != file.name or file.name in {"", ".", "..", MANIFEST_NAME}:
        raise ValueError(f"a file's name must be a plain name, it was {file.name!r}")
    return file


def _tensors(plain: Iterable[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:  # Any: JSON
    return tuple(TensorSpec(name=one["name"], dtype=one["dtype"], shape=tuple(one["shape"])) for one in plain)


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a manifest holds JSON, and {value!r} is not")
