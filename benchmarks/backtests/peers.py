"""backtrader in a folder of its own, in the user's cache: its licence keeps it out of the project's environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs

BACKTRADER = "backtrader==1.9.78.123"
WITHIN_S = 120


def backtrader_folder() -> Path | None:
    """Return the folder to import backtrader from, None where it could not be installed; made once, then kept."""
    folder = platformdirs.user_cache_path("aitrader") / BACKTRADER.replace("==", "-")
    if folder.exists():
        return folder
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if uv is None:
        return None
    print(f"Installing {BACKTRADER} into {folder} ...", flush=True)
    unfinished = folder.with_suffix(".unfinished")
    command = [uv, "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", unfinished, BACKTRADER]
    try:
        subprocess.run(command, check=True, timeout=WITHIN_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):  # uv has said why
        return None
    return unfinished.rename(folder)
