"""Files that only their owner may read, written whole or not at all."""

import os
import secrets
from pathlib import Path

PASSWORD_BYTES = 24


def kept_password(path: Path) -> str:
    """Return the password kept in `path`, made on the first call and the same ever after."""
    if path.exists():
        return path.read_text().strip()
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    write_private(path, password + "\n")
    return password


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a file of mode 0600 holding `text`; a reader sees the old content or the new."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def private_folder(path: Path) -> Path:
    """Return `path`, made with mode 0700 if it was missing, tightened to it if it was ours and open."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o700)
    return path
