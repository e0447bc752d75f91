"""The data folder: where everything the stack keeps lies, and the lock that gives it one owner."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aitrader.stack.errors import DataDirUnusable, StackRunning
from backend.core.private_files import private_folder

LOCK_PATIENCE_S = 1.0  # a reader of the state holds the lock for microseconds; an owner for good
LOCK_RETRY_S = 0.02


@dataclass(frozen=True)
class DataDir:
    """Names of the files under one data folder."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path / "stack.lock"

    @property
    def state(self) -> Path:
        return self.path / "stack.json"

    @property
    def connections(self) -> Path:
        return self.path / "connections.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def postgres_password(self) -> Path:
        return self.path / "postgres.password"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def redis_password(self) -> Path:
        return self.path / "redis.password"

    @property
    def flower_password(self) -> Path:
        return self.path / "flower.password"

    @property
    def admin_token(self) -> Path:
        return self.path / "admin.token"

    @property
    def cache(self) -> Path:
        return self.path / "cache"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"


def open_data_dir(path: Path) -> DataDir:
    """Return the data folder at `path`, made if missing, with absolute names."""
    data_dir = DataDir(Path(os.path.abspath(path)))  # noqa: PTH100 -- resolve() would also follow symlinks
    try:
        is_new = not data_dir.path.exists() or not any(data_dir.path.iterdir())
        data_dir.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_new:  # a folder that held things already keeps the mode its owner gave it
            private_folder(data_dir.path)
        for folder in (data_dir.logs, data_dir.cache):
            private_folder(folder)
    except OSError as error:
        raise DataDirUnusable(f"expected a data folder to write to, {data_dir.path} is not: {error}") from error
    return data_dir


@contextmanager
def exclusive(data_dir: DataDir) -> Iterator[None]:
    """Hold the data folder's lock; it is gone with the process, however that ends."""
    descriptor = os.open(data_dir.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor, data_dir)
        yield
    finally:
        os.close(descriptor)


def is_locked(data_dir: DataDir) -> bool:
    """Return whether a supervisor owns the data folder now."""
    try:
        descriptor = os.open(data_dir.lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _take(descriptor: int, data_dir: DataDir) -> None:
    give_up_at = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up_at:
                raise StackRunning(f"a stack already runs on {data_dir.path}") from None
            time.sleep(LOCK_RETRY_S)
        else:
            return
