"""What the kernels are given and what they write, and how compiled code sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, cast, get_type_hints

from numba import types

from market_data.bars import BoolArray, FloatArray
from market_data.kernels import BOOL, FLOAT, INT, MATRIX

FLAGS: Final = types.Array(types.boolean, 3, "C", readonly=True)
CUBE: Final = types.Array(types.float64, 3, "C", readonly=True)


class Market(NamedTuple):
    """Bars of m symbols on n common times; a symbol without a bar has NaN there. Read-only.

    bars: shape (planes, n, m), the planes of `layout`; those at the end that nothing asks for are left out.
    lower: bars of a lower timeframe, open, high, low and close of all symbols, shape (4, bars) or (4, 0).
    """

    bars: FloatArray
    lower: FloatArray


class Decisions(NamedTuple):
    """What the strategy says at each close, in the planes of `layout`. Read-only.

    flags: shape (2, n, m), with shorts (4, n, m). values: shape (6, n, m), or (0, 0, 0) where nothing is said.
    rebalance: shape (n,) for weights, which stand in place of all the others; else (0,).
    """

    flags: BoolArray
    values: FloatArray
    rebalance: BoolArray


class Rules(NamedTuple):
    """The configuration in numbers; see the dataclasses whose fields these are.

    spread: what an entry pays, exit_spread: what an exit pays, as fractions. table: shape (rows, 4), the rows
    and columns of `layout`.
    """

    commission_rate: float
    commission_fixed: float
    commission_per_unit: float
    commission_min: float
    tier_count: int
    spread: float
    exit_spread: float
    slippage: float
    slips_by_bar: bool
    price_impact: float
    max_share: float
    lot_step: float
    min_notional: float
    leverage: float
    maintenance: float
    borrow_per_ns: float
    cash_per_ns: float
    sizing: int
    size_value: float
    kelly_lookback: int
    kelly_start: float
    kelly_floor: float
    kelly_cap: float
    rung_count: int
    ladder_leaves_all: bool
    time_stop: int
    entry: int
    valid_bars: int
    profile: int
    same_bar: int
    is_through: bool
    is_closed_at_end: bool
    table: FloatArray


class Book(NamedTuple):
    """What the kernels write, in the columns of `layout`: few arrays, since each costs something at every call.

    lines: one row a symbol. account: one row, counters among it. rows: closed parts of positions. notes:
    rejections.
    """

    lines: FloatArray
    account: FloatArray
    rows: FloatArray
    notes: FloatArray


class Curves(NamedTuple):
    """The account at each close, shape (n,), currency: equity, and the value of positions, net and gross."""

    equity: FloatArray
    net: FloatArray
    gross: FloatArray


_NUMBERS: Final = {float: FLOAT, int: INT, bool: BOOL}
_FLAG_ROW: Final = types.Array(types.boolean, 1, "C", readonly=True)
_ROW: Final = types.Array(types.float64, 1, "C")
_TABLE: Final = types.Array(types.float64, 2, "C")

_named = cast("Callable[[tuple[types.Type, ...], type], types.Type]", types.NamedTuple)  # numba's own is untyped
_uniform = cast("Callable[[types.Type, int, type], types.Type]", types.NamedUniTuple)  # how it sees fields of one type
MARKET: Final = _named((CUBE, MATRIX), Market)
DECISIONS: Final = _named((FLAGS, CUBE, _FLAG_ROW), Decisions)
RULES: Final = _named(tuple(_NUMBERS.get(hint, MATRIX) for hint in get_type_hints(Rules).values()), Rules)
BOOK: Final = _named((_TABLE, _ROW, _TABLE, _TABLE), Book)
CURVES: Final = _uniform(_ROW, len(Curves._fields), Curves)
