"""Where the files of models lie: those shipped with the product, and those trained here, in the artifact store.

    shipped   models/<name>/<version>/                      in the project
    store     <artifact store>/models/<name>/<version>/     for every host

A version is named by its content, so a folder never changes its meaning, and the same model kept twice is one.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from backend.core.logging import get_logger
from model_files.errors import ModelRefused
from model_files.manifest import CARD_NAME, MANIFEST_NAME, Manifest, folder_of, model_folders, read_manifest

Source = Literal["shipped", "store"]

SHIPPED: Final = Path(__file__).parents[2] / "models"
FOLDER: Final = "models"
CHUNK_BYTES: Final = 1 << 20

log = get_logger(__name__)


@dataclass(frozen=True)
class ModelRecord:
    """A model as the database names it; `sha256` is its manifest's."""

    name: str
    version: str
    sha256: str
    source: Source

    @classmethod
    def of(cls, row: Any) -> "ModelRecord":  # Any: a database row
        return cls(row["name"], row["version"], row["sha256"], row["source"])

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class ModelShelf:
    """Reads and keeps model folders. ModelRefused: the files are not the model; OSError: they cannot be reached."""

    def __init__(self, store_url: str, *, shipped: Path = SHIPPED) -> None:
        self._store_url = store_url
        self._shipped = shipped

    def check(self, record: ModelRecord) -> Manifest:
        """Return the model's manifest if all its files are what it says; else raise ModelRefused."""
        filesystem, folder = self._place(record)
        manifest = self._manifest(record, filesystem, folder)
        for file in manifest.files:
            digest = hashlib.sha256()
            for chunk in _chunks(filesystem, folder, file.name, record):
                digest.update(chunk)
            manifest.check_sha256(file.name, digest.hexdigest())
        return manifest

    def shipped_folder(self, record: ModelRecord) -> Path:
        return self._shipped / record.name / record.version

    def copy(self, record: ModelRecord, into: Path) -> None:
        """Write the model's manifest and files into a folder that is there and empty."""
        filesystem, folder = self._place(record)
        manifest = self._manifest(record, filesystem, folder)
        for name in (*(file.name for file in manifest.files), MANIFEST_NAME):
            with (into / name).open("wb") as target:
                for chunk in _chunks(filesystem, folder, name, record):
                    target.write(chunk)

    def keep(self, folder: Path, manifest: Manifest) -> None:
        """Put a model into the store, its manifest last: whoever finds that finds the rest."""
        manifest.check_files(folder)
        filesystem, root = _open_place(self._store_url)
        target = f"{root}/{FOLDER}/{manifest.name}/{manifest.version}"
        filesystem.makedirs(target, exist_ok=True)
        for name in (*(file.name for file in manifest.files), MANIFEST_NAME):
            filesystem.put_file(str(folder / name), f"{target}/{name}")

    def state(self, record: ModelRecord) -> str:
        """Return a text that changes when a file of the model does: names, sizes, times; no content is read."""
        filesystem, folder = self._place(record)
        filesystem.invalidate_cache()
        found = filesystem.ls(folder, detail=True) if filesystem.isdir(folder) else []
        stamps = ("name", "size", "ino", "mtime", "LastModified", "ETag", "etag", "updated")
        told = sorted(str([info.get(stamp) for stamp in stamps]) for info in found)
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def _manifest(self, record: ModelRecord, filesystem: Any, folder: str) -> Manifest:  # Any: fsspec ships no types
        text = b"".join(_chunks(filesystem, folder, MANIFEST_NAME, record))
        try:
            plain = json.loads(text)
        except ValueError as error:
            raise ModelRefused(f"{record}: {MANIFEST_NAME} is not JSON: {error}") from error
        return require_same(record, Manifest.from_json(plain))

    def _place(self, record: ModelRecord) -> tuple[Any, str]:  # Any: the same
        if record.source == "shipped":
            return _open_place(str(self.shipped_folder(record)))
        filesystem, root = _open_place(self._store_url)
        return filesystem, f"{root}/{FOLDER}/{record.name}/{record.version}"


def require_same(record: ModelRecord, manifest: Manifest) -> Manifest:
    """Return the manifest if it is of the very model that the database names."""
    found = (manifest.name, manifest.version, manifest.sha256)
    if found != (record.name, record.version, record.sha256):
        told = f"{manifest.name} {manifest.version} with the sha256 {manifest.sha256}"
        raise ModelRefused(f"{record}: the manifest must have the sha256 {record.sha256}, it was of {told}")
    return manifest


def shipped_models(shipped: Path = SHIPPED) -> list[Manifest]:
    """Return the manifests of the models that came with the product, the oldest first; what is broken is left out."""
    found = []
    for folder in model_folders(shipped):
        try:
            found.append(_shipped_manifest(shipped, folder))
        except ModelRefused as error:
            log.warning("shipped_model_refused", folder="/".join(folder.parts[-2:]), error=str(error))
    return sorted(found, key=lambda manifest: (manifest.name, manifest.trained_to, manifest.version))


def model_row(manifest: Manifest, folder: Path, source: Source) -> dict[str, Any]:  # Any: column values
    """Return what the table of models says of a new one, which nobody has promoted yet."""
    card = folder / CARD_NAME
    return {
        "name": manifest.name,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "task": manifest.task,
        "stage": "candidate",
        "source": source,
        "manifest": manifest.to_json(),
        "card": card.read_text(encoding="utf-8") if card.is_file() else "",
    }


def _shipped_manifest(shipped: Path, folder: Path) -> Manifest:
    manifest = read_manifest(folder)
    if folder_of(shipped, manifest) != folder:
        raise ModelRefused(f"it is of {manifest.name} {manifest.version}, and lies in another's folder")
    return manifest


def _open_place(url: str) -> tuple[Any, str]:  # Any: fsspec ships no types
    import fsspec  # noqa: PLC0415 - the web process starts without it

    filesystem, root = fsspec.core.url_to_fs(url)
    return filesystem, str(root)


def _chunks(filesystem: Any, folder: str, name: str, record: ModelRecord) -> Iterator[bytes]:  # Any: the same
    try:
        with filesystem.open(f"{folder}/{name}", "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield cast("bytes", chunk)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise ModelRefused(f"{record}: {name} is missing") from error
