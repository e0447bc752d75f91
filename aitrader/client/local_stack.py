"""The stack that `aitrader up` runs on this machine, as its data folder tells of it.

The folder's files are the whole contract, so that the client needs nothing of the stack or the server: `stack.json`
says where it serves, `stack.lock` is held by its supervisor for as long as it lives, `admin.token` lets its owner in.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class LocalStack:
    """A stack that runs. `url` is None, or does not serve yet, until it is ready."""

    pid: int
    url: str | None
    is_ready: bool


def data_dir() -> Path:
    """Return the folder of the local stack: AITRADER_DATA_DIR, or the user's own data folder."""
    return Path(os.environ.get("AITRADER_DATA_DIR") or platformdirs.user_data_dir("aitrader"))


def running_stack(folder: Path) -> LocalStack | None:
    """Return the stack that runs on the folder; None when none does."""
    try:
        told = json.loads((folder / "stack.json").read_text())
        stack = LocalStack(int(told["pid"]), told["url"], bool(told["is_ready"]))
    except (OSError, ValueError, KeyError, TypeError):  # never started, or written by another version
        return None
    return stack if _is_held(folder / "stack.lock") else None


def admin_token(folder: Path) -> str:
    """Return the token of the local stack's owner; OSError when it cannot be read."""
    return (folder / "admin.token").read_text().strip()


def _is_held(lock: Path) -> bool:
    import fcntl  # noqa: PLC0415 - only Unix has it, and the local stack; a client of a server elsewhere needs neither

    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
