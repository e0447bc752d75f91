"""Calls TA-Lib's candlestick functions in its C library, many in one compiled loop.

TA-Lib's Python functions check and wrap each call, which takes ten times as long as searching a short tail of bars.
The C functions are the ones that they call themselves, in the library that they have loaded, and are given the same
bars; so the answers are the same. Where that library does not offer them by name, `find_detectors` returns None.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import numpy as np
import talib
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.kernels import BOOLS, FLOATS, INTS, kernel

SignalArray = NDArray[np.int32]
Columns = tuple[FloatArray, FloatArray, FloatArray, FloatArray]

# What the C functions take for their own default (TA_REAL_DEFAULT in ta_defs.h).
_DEFAULT: Final = -4e37
_SIGNALS: Final = types.Array(types.int32, 2, "C")
_COLUMNS: Final = types.UniTuple(FLOATS, 4)  # type: ignore[no-untyped-call]  # numba leaves it untyped


@dataclass(frozen=True, slots=True, eq=False)
class Detectors:
    """Some of the C functions, by where they are in this process."""

    addresses: IntArray
    has_penetration: BoolArray

    def search(self, columns: Columns, start: int, end: int) -> SignalArray:
        """Return the outputs over the bars [start, end) of open, high, low and close, one row a function.

        shape (functions, end - start): what those functions of the Python package return for these bars.
        """
        opens, highs, lows, closes = columns
        if not 0 <= start <= end <= min(len(opens), len(highs), len(lows), len(closes)):
            raise IndexError(f"bars {start} to {end} must be among {len(closes)}")
        found = np.zeros((len(self.addresses), end - start), dtype=np.int32)
        if end > start:
            asked = (opens[start:end], highs[start:end], lows[start:end], closes[start:end])
            _search(self.addresses, self.has_penetration, asked, found)
        return found


def find_detectors(names: Sequence[str]) -> Detectors | None:
    """Return TA-Lib's C functions of these names (CDLDOJI); None where they cannot be found."""
    library = _library()
    if library is None or not all(hasattr(library, f"TA_{name}") for name in names):
        return None
    found = [ctypes.cast(getattr(library, f"TA_{name}"), ctypes.c_void_p).value for name in names]
    has_penetration = ["penetration" in str(getattr(talib, name).__doc__) for name in names]
    return Detectors(np.array(found, dtype=np.int64), np.array(has_penetration, dtype=np.bool_))


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """Return the Python package's extension: names that it links are found through it."""
    try:
        return ctypes.CDLL(talib._ta_lib.__file__)  # noqa: SLF001 -- the package has no other name for it
    except (AttributeError, OSError):
        return None


def _emit(builder: ir.IRBuilder, arguments: Sequence[ir.Value], extra: Sequence[ir.Value]) -> ir.Value:
    """Return the call `int address(0, last, open, high, low, close, [penetration,] &begin, &count, outputs)`."""
    int32, pointer = ir.IntType(32), ir.IntType(8).as_pointer()
    address, last, places = arguments
    pointers = [builder.inttoptr(builder.extract_value(places, i), pointer) for i in range(7)]
    given = [ir.Constant(int32, 0), builder.trunc(last, int32), *pointers[:4], *extra, *pointers[4:]]
    function = ir.FunctionType(int32, [value.type for value in given]).as_pointer()
    return builder.sext(builder.call(builder.inttoptr(address, function), given), ir.IntType(64))


def _plain(_typing: object, address: types.Type, last: types.Type, places: types.Type) -> tuple[object, object]:
    def generate(_context: object, builder: ir.IRBuilder, _told: object, arguments: Sequence[ir.Value]) -> ir.Value:
        return _emit(builder, arguments, [])

    return types.int64(address, last, places), generate


def _penetrating(_typing: object, address: types.Type, last: types.Type, places: types.Type) -> tuple[object, object]:
    def generate(_context: object, builder: ir.IRBuilder, _told: object, arguments: Sequence[ir.Value]) -> ir.Value:
        return _emit(builder, arguments, [ir.Constant(ir.DoubleType(), _DEFAULT)])

    return types.int64(address, last, places), generate


# What compiled code calls: the address of a function, the last bar, and where prices and answers are.
_Call = Callable[[int, int, tuple[int, ...]], int]
_call = cast("_Call", intrinsic(_plain))
_call_with_penetration = cast("_Call", intrinsic(_penetrating))


@kernel(INTS, BOOLS, _COLUMNS, _SIGNALS)
def _search(addresses: IntArray, has_penetration: BoolArray, columns: Columns, found: SignalArray) -> None:
    """Write each function's outputs to its row of `found`, from the first bar on that has its look-back."""
    opens, highs, lows, closes = columns
    told = np.zeros(2, dtype=np.int32)
    outputs = np.zeros(opens.size, dtype=np.int32)
    prices = (opens.ctypes.data, highs.ctypes.data, lows.ctypes.data, closes.ctypes.data)
    places = (*prices, told.ctypes.data, told[1:].ctypes.data, outputs.ctypes.data)
    for k in range(addresses.size):
        told[:] = 0
        if has_penetration[k]:
            _call_with_penetration(addresses[k], opens.size - 1, places)
        else:
            _call(addresses[k], opens.size - 1, places)
        found[k, told[0] : told[0] + told[1]] = outputs[: told[1]]
