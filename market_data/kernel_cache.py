"""Where compiled kernels are kept: a folder named by what could change their machine code.

numba looks at the file of a function alone, and so takes old machine code for good when a kernel of another file,
or a constant, changed that was compiled into it. Here the folder's name is a hash of all sources of all packages
that have kernels, and of what compiles them for which processor (ADR 22). Code of any other state lies in another
folder; what lies there unused is deleted when a new folder is made.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Final

import llvmlite
import numpy as np
from llvmlite import binding
from numba import __version__ as numba_version
from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

PACKAGES: Final = ("market_data", "pattern_engine", "strategy_engine", "suggestion_engine")
"""Every package that has kernels. A kernel of any other package has that package hashed besides."""

KEPT_FOLDERS: Final = 8
KEPT_DAYS: Final = 30.0
_ROOT: Final = Path(__file__).resolve().parents[1]
_FOLDER_NAME: Final = re.compile(r"[0-9a-f]{32}")
# numba's own switches that are compiled in, and that it does not tell apart by itself.
_SWITCHES: Final = ("CPU_NAME", "CPU_FEATURES", "OPT", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE")

Function = Callable[..., Any]  # Any: a kernel of any signature


class KernelCache(FunctionCache):
    """numba's cache of one function, in our folder. What cannot be read or written is compiled, and no error."""

    def __init__(self, function: Function) -> None:
        self._impl_class = _InFolder
        self._package = _package_of(function)
        super().__init__(function)  # type: ignore[no-untyped-call]  # numba's own, untyped

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # Any: numba's own, untyped
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]  # as above
        except (OSError, EOFError, UnpicklingError):  # cut off by a crash of the machine: writes are atomic, not synced
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]  # as above
            return None

    def save_overload(self, sig: Any, data: Any) -> None:  # Any: numba's own, untyped
        # A file that was edited while this process ran may have been loaded after the folder was named.
        if folder_name(self._package) == _name_at_first(self._package):
            with suppress(OSError):  # a read-only installation, or a full disk
                super().save_overload(sig, data)  # type: ignore[no-untyped-call]  # as above


def is_cacheable(function: Function) -> bool:
    """Return whether the function is of a package, whose sources can be hashed, and there is a place to keep it."""
    package = _package_of(function)
    return len(_folders(package)) > 0 and kernel_folder(package) is not None


@cache
def kernel_folder(package: str = PACKAGES[0]) -> Path | None:
    """Return the folder for the kernels of a package, made if missing; None where no place takes one."""
    name = _name_at_first(package)
    for base, is_chosen in _bases():
        folder = base / name
        try:
            is_new = not folder.exists()
            for place in (base, folder):
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if not is_chosen and not _is_private(folder):  # to load machine code is to run it
            continue
        if is_new:
            prune(base)
        with suppress(OSError):
            os.utime(folder)  # in use
        return folder
    return None


def folder_name(package: str = PACKAGES[0]) -> str:
    """Return the name of the folder: a hash over all sources with kernels, the compiler and the processor."""
    digest = hashlib.sha256(repr(_identity()).encode())
    for name in sorted({*PACKAGES, package}):
        for folder in _folders(name):
            for path in sorted(folder.rglob("*.py")):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{name}/{path.relative_to(folder)} {content}\n".encode())
    return digest.hexdigest()[:32]


def kernel_state() -> str:
    """Return what names the machine code that this process runs: its sources, compiler and processor, in a hash."""
    return _name_at_first(PACKAGES[0])


def prune(base: Path) -> None:
    """Delete the folders of `base` that nobody used for a month, and all but the newest few."""
    with suppress(OSError):
        folders = [path for path in base.iterdir() if _FOLDER_NAME.fullmatch(path.name) and not path.is_symlink()]
        used = sorted(((path.stat().st_mtime, path) for path in folders), reverse=True)
        oldest = time.time() - KEPT_DAYS * 86_400.0
        for rank, (used_at, path) in enumerate(used):
            if rank >= KEPT_FOLDERS or used_at < oldest:
                shutil.rmtree(path, ignore_errors=True)


class _Folder(_CacheLocator):
    """Tells numba where one function lies; the folder's name stands for all that its content depends on."""

    def __init__(self, function: Function, folder: Path) -> None:
        self._folder = folder
        self._py_file = function.__code__.co_filename  # numba's warnings name it
        self._told_apart_by = f"{function.__module__}-{function.__code__.co_firstlineno}"

    @classmethod
    def from_function(cls, function: Function, _py_file: str) -> _Folder | None:
        folder = kernel_folder(_package_of(function))
        return None if folder is None else cls(function, folder)

    def ensure_cache_path(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._folder.name

    def get_disambiguator(self) -> str:
        return self._told_apart_by


class _InFolder(CompileResultCacheImpl):
    _locator_classes = [_Folder]  # noqa: RUF012 -- numba's name and form of it


@cache
def _name_at_first(package: str) -> str:
    """Return the name as it was when this process needed it first: what it loads since is of that state."""
    return folder_name(package)


def _identity() -> tuple[object, ...]:
    compilers = (numba_version, llvmlite.__version__, np.__version__, sys.implementation.cache_tag, sys.version)
    machine = (platform.system(), platform.machine(), binding.get_default_triple(), binding.get_host_cpu_name())
    features = binding.get_host_cpu_features().flatten()
    return compilers, machine, features, tuple(str(getattr(config, name, None)) for name in _SWITCHES)


def _package_of(function: Function) -> str:
    """Return the package whose sources are hashed for this function; all of ours are one."""
    package = function.__module__.split(".")[0]
    return PACKAGES[0] if package in PACKAGES else package


def _folders(package: str) -> list[Path]:
    """Return where the sources of a package lie; nowhere, for a single file or a notebook."""
    places = [_ROOT / package] if package in PACKAGES else getattr(sys.modules.get(package), "__path__", [])
    return [Path(place) for place in places if Path(place).is_dir()]


def _bases() -> Iterator[tuple[Path, bool]]:
    """Yield where folders may lie, and whether somebody chose the place: then it is trusted as it is."""
    chosen = getattr(config, "CACHE_DIR", "")  # NUMBA_CACHE_DIR, as numba has read it
    if chosen:
        yield Path(chosen), True
    import platformdirs  # noqa: PLC0415 -- takes milliseconds, and is not needed where a place was chosen

    yield Path(platformdirs.user_cache_dir("aitrader", appauthor=False)) / "kernels", False
    yield Path(tempfile.gettempdir()) / f"aitrader-kernels-{os.getuid()}", False


def _is_private(folder: Path) -> bool:
    """Return whether nobody but us, or root, can have put anything there."""
    found = [place.stat() for place in (folder, folder.parent)]
    return all(place.st_uid in {0, os.getuid()} and place.st_mode & 0o022 == 0 for place in found)
