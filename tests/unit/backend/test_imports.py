"""The web process starts fast and stays small: nothing numeric is imported with it."""

import subprocess
import sys

HEAVY = ("numba", "talib", "onnxruntime", "pandas", "celery", "numpy", "pyarrow", "yfinance", "fsspec", "alembic")
LOOK = f"import sys, backend.main; print([name for name in {HEAVY!r} if name in sys.modules])"


def test_importing_the_application_imports_nothing_heavy() -> None:
    ended = subprocess.run([sys.executable, "-W", "error", "-c", LOOK], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "[]"), ended.stderr
