"""How a function becomes a compiled kernel, and the array types that kernels take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from numba import njit, types
from numba.core.dispatcher import Dispatcher

from market_data.kernel_cache import KernelCache, is_cacheable

Function = TypeVar("Function", bound=Callable[..., Any])

# Read-only, so that one compiled version takes the locked columns of bars and freshly computed arrays alike.
FLOATS: Final = types.Array(types.float64, 1, "C", readonly=True)
MATRIX: Final = types.Array(types.float64, 2, "C", readonly=True)
INTS: Final = types.Array(types.int64, 1, "C", readonly=True)
BOOLS: Final = types.Array(types.boolean, 1, "C", readonly=True)
FLOAT: Final = types.float64
INT: Final = types.int64
BOOL: Final = types.boolean


def kernel(*argument_types: types.Type) -> Callable[[Function], Function]:
    """Return a decorator that compiles a function for exactly `argument_types` when its module is imported.

    The machine code is kept in a folder of its own for each state of the sources (`kernel_cache`), and only loaded
    where it is there already. Kernels run without the GIL and divide by zero as numpy does (NaN, infinity). There
    is no fastmath: the same input gives the same bytes.
    """

    def compiled(function: Function) -> Function:
        dispatcher = njit(nogil=True, error_model="numpy")(function)
        if isinstance(dispatcher, Dispatcher):  # a plain function, where NUMBA_DISABLE_JIT is set
            if is_cacheable(function):
                vars(dispatcher)["_cache"] = KernelCache(function)  # what its enable_caching() sets to numba's own
            dispatcher.compile(argument_types)
            dispatcher.disable_compile()
        return cast("Function", dispatcher)

    return compiled


def inner(function: Function) -> Function:
    """Return a function that only kernels call: compiled into each that does, and kept with it.

    It has no entry for Python and no machine code of its own, which spares a large family of kernels most of
    the time that compiling and loading them would take.
    """
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # Any: its stubs leave these out
    return cast("Function", njit(nogil=True, error_model="numpy", **options)(function))


def inlined(function: Function) -> Function:
    """Return a function that is written out wherever a kernel calls it: for what every bar needs."""
    return cast("Function", njit(nogil=True, error_model="numpy", inline="always")(function))
