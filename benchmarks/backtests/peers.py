"""An environment for peers that do not fit the project's own, in the user's cache folder: made once, kept."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs

PACKAGES = ("vectorbt==1.2.0", "backtrader==1.9.78.123")
WITHIN_S = 900


def peers_python() -> Path | None:
    """Return the interpreter that has the peers, None where they could not be installed."""
    key = hashlib.sha256(" ".join((sys.version, *PACKAGES)).encode()).hexdigest()[:12]
    folder = platformdirs.user_cache_path("aitrader") / f"backtest-peers-{key}"
    python, made = folder / "bin" / "python", folder / ".made"
    if made.exists():
        return python
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        return None
    print(f"Installing {', '.join(PACKAGES)} into {folder} ...", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [uv, "venv", "-q", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python), *PACKAGES],
    ):
        try:
            subprocess.run(command, check=True, timeout=WITHIN_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):  # uv has said why
            return None
    made.touch()
    return python
