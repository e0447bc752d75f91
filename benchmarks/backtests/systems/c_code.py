"""The C loop's library: built once by the benchmark, loaded by ctypes."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np

from benchmarks.backtests.work import Outcome

LIBRARY = "BENCH_C_LOOP"  # the environment variable that names the built library
# Contraction would join a product and a sum into one rounding, and the last bits would no longer agree.
FLAGS = ("-O3", "-march=native", "-fno-fast-math", "-ffp-contract=off", "-shared", "-fPIC")
DOUBLES, INTS = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_int64)


class Columns(ctypes.Structure):
    """`result` of loop.c."""

    _fields_ = (
        ("trades", ctypes.c_int64),
        ("ends_open", ctypes.c_int64),
        ("entry_bar", INTS),
        ("exit_bar", INTS),
        ("size", DOUBLES),
        ("entry_price", DOUBLES),
        ("exit_price", DOUBLES),
        ("equity", DOUBLES),
        ("decisions", ctypes.c_void_p),
    )

    @classmethod
    def of(cls, count: int) -> Columns:
        """Return columns for `count` bars, which live as long as the process."""
        columns = cls()
        loaded().allocate(ctypes.c_int64(count), ctypes.byref(columns))
        return columns

    def outcome(self, count: int) -> Outcome:
        closed = self.trades - self.ends_open
        names = ("entry_bar", "exit_bar", "size", "entry_price", "exit_price")
        if closed:
            columns = [np.ctypeslib.as_array(getattr(self, name), (closed,)).copy() for name in names]
        else:
            columns = [np.empty(0)] * len(names)
        return Outcome(*columns, float(self.equity[count - 1]))


def built_in(folder: Path) -> Path | None:
    """Return the library, None where there is no C compiler that works."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    library = folder / "loop.so"
    source = Path(__file__).with_name("loop.c")
    built = subprocess.run([compiler, *FLAGS, "-o", str(library), str(source), "-lm"], check=False)
    return library if built.returncode == 0 else None


def loaded() -> ctypes.CDLL:
    return ctypes.CDLL(os.environ[LIBRARY])


def address(values: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)
