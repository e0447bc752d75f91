"""How a function becomes a compiled kernel, and the array types that kernels take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from numba import njit, types

Function = TypeVar("Function", bound=Callable[..., Any])

# Read-only, so that one compiled version takes the locked columns of bars and freshly computed arrays alike.
FLOATS: Final = types.Array(types.float64, 1, "C", readonly=True)
MATRIX: Final = types.Array(types.float64, 2, "C", readonly=True)
INTS: Final = types.Array(types.int64, 1, "C", readonly=True)
BOOLS: Final = types.Array(types.boolean, 1, "C", readonly=True)
FLOAT: Final = types.float64
INT: Final = types.int64
BOOL: Final = types.boolean


def kernel(*argument_types: object) -> Callable[[Function], Function]:
    """Return a decorator that compiles a function for exactly `argument_types` when its module is imported.

    The machine code is cached on disk, beside the source or in NUMBA_CACHE_DIR where an installation is
    read-only. Kernels run without the GIL and divide by zero as numpy does (NaN, infinity). There is no
    fastmath: the same input gives the same bytes. The cache of a kernel knows changes of its own file only,
    so what a kernel calls stands above it in that file.
    """
    compiled = njit(argument_types, cache=True, nogil=True, error_model="numpy")
    return cast("Callable[[Function], Function]", compiled)
