"""LightGBM's trees, asked why: a thin way to its C library (`c_api.h`), which needs none of its Python packages.

`import lightgbm` takes seconds and brings pandas, scipy and scikit-learn into the process where they are installed:
more memory than all models together. The library itself takes 10 MB.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from market_data.bars import FloatArray
from model_files import ModelRefused

_LIBRARY_NAMES: Final = ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll")
_FLOAT64: Final = 1  # C_API_DTYPE_FLOAT64
_CONTRIBUTIONS: Final = 3  # C_API_PREDICT_CONTRIB
_ROW_MAJOR: Final = 1
_ALL_TREES: Final = -1
# One thread: worker children are as many as the machine has cores.
_PARAMETERS: Final = b"num_threads=1"


class Booster:
    """The trees of one model, read from LightGBM's own text."""

    def __init__(self, text: str) -> None:
        """Read the trees; ModelRefused when LightGBM cannot."""
        self._library = library()
        self._handle = ctypes.c_void_p()
        iterations = ctypes.c_int()
        loaded = self._library.LGBM_BoosterLoadModelFromString(
            text.encode(), ctypes.byref(iterations), ctypes.byref(self._handle)
        )
        self._check(loaded)
        classes = ctypes.c_int()
        self._check(self._library.LGBM_BoosterGetNumClasses(self._handle, ctypes.byref(classes)))
        self.n_classes = classes.value

    def contributions(self, row: FloatArray) -> FloatArray:
        """Return what each feature, and last the bias, adds to each class's raw score: (classes, features + 1).

        row: shape (features,), NaN where a feature is missing.
        """
        given = np.ascontiguousarray(row, dtype=np.float64)
        told = np.empty((self.n_classes, given.size + 1))
        length = ctypes.c_int64()
        answered = self._library.LGBM_BoosterPredictForMat(
            self._handle,
            given.ctypes.data_as(ctypes.c_void_p),
            _FLOAT64,
            ctypes.c_int32(1),
            ctypes.c_int32(given.size),
            _ROW_MAJOR,
            _CONTRIBUTIONS,
            0,
            _ALL_TREES,
            _PARAMETERS,
            ctypes.byref(length),
            told.ctypes.data_as(ctypes.c_void_p),
        )
        self._check(answered)
        return told

    def __del__(self) -> None:
        if self._handle:
            self._library.LGBM_BoosterFree(self._handle)

    def _check(self, code: int) -> None:
        if code != 0:
            raise ModelRefused(f"LightGBM refuses: {self._library.LGBM_GetLastError().decode(errors='replace')}")


def can_explain() -> bool:
    """Tell whether LightGBM's library can be loaded here: it needs the system's OpenMP library, too (libgomp)."""
    try:
        library()
    except ModelRefused:
        return False
    return True


@cache
def library() -> ctypes.CDLL:
    """Return LightGBM's library; ModelRefused where it is not installed, or lacks a library that it needs."""
    spec = find_spec("lightgbm")
    folders = [] if spec is None else [Path(place) / "lib" for place in spec.submodule_search_locations or ()]
    path = next((folder / name for folder in folders for name in _LIBRARY_NAMES if (folder / name).is_file()), None)
    if path is None:
        raise ModelRefused("LightGBM's library was not found: expected the package lightgbm to be installed")
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise ModelRefused(f"LightGBM's library cannot be loaded: {error}") from error
    loaded.LGBM_GetLastError.restype = ctypes.c_char_p
    return loaded
