"""What a strategy of one symbol answers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from market_data.bars import BoolArray, FloatArray
from market_data.errors import DomainError

_REQUIRED: Final = frozenset({"entries", "exits"})
_FLAGS: Final = frozenset({"entries", "exits", "short_entries", "short_exits"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """Where a strategy enters and leaves the market: each of shape (n,), decided at the bar's close.

    entries, exits: of long positions; short_entries, short_exits: of short ones, None is never. An entry
    while a position of that side is held means nothing, nor does an exit while none is held; an entry of the
    other side leaves the position and enters anew. Where a bar says both entry and exit of a side, the exit
    counts and nothing is entered; where it says both entries, neither counts.

    Prices, in the currency of the bars, NaN for none, None for none at all: entry_limit, entry_stop (both: a
    stop-limit order) for an entry of that bar, in place of the backtest's entry order; stop_loss, take_profit
    in place of its exits. size_frac: fraction of equity to put into the entry, NaN for the backtest's sizing.
    """

    entries: BoolArray
    exits: BoolArray
    short_entries: BoolArray | None = None
    short_exits: BoolArray | None = None
    entry_limit: FloatArray | None = None
    entry_stop: FloatArray | None = None
    stop_loss: FloatArray | None = None
    take_profit: FloatArray | None = None
    size_frac: FloatArray | None = None

    def is_plain(self) -> bool:
        """Return whether these are entries and exits of long positions and nothing else."""
        return (
            self.short_entries is None
            and self.entry_limit is None
            and self.entry_stop is None
            and self.stop_loss is None
            and self.take_profit is None
            and self.size_frac is None
        )


def check_signals(signals: Signals, count: int) -> Signals:
    """Return the same signals, contiguous; raise DomainError at the first column that is not one value a bar.

    Flags are boolean; prices and fractions float64, > 0 or NaN.
    """
    checked = {}
    for name in _NAMES:
        column = getattr(signals, name)
        if column is not None or name in _REQUIRED:
            _check(name, column, count)
            checked[name] = np.ascontiguousarray(column)
    return Signals(**checked)


_NAMES: Final = tuple(field.name for field in fields(Signals))


def _check(name: str, column: object, count: int) -> None:
    expected = np.dtype(np.bool_ if name in _FLAGS else np.float64)
    if not isinstance(column, np.ndarray) or column.dtype != expected or column.shape != (count,):
        noun = "boolean" if name in _FLAGS else "float64"
        raise DomainError(f"{name} must be a {noun} array of shape ({count},), was {_described(column)}")
    if name in _FLAGS:
        return
    bad = np.flatnonzero(~((column > 0.0) & np.isfinite(column) | np.isnan(column)))
    if bad.size > 0:
        raise DomainError(f"{name} must be finite and > 0, or NaN for none; bar {bad[0]} was {column[bad[0]]}")


def _described(column: object) -> str:
    return f"{column.dtype} of shape {column.shape}" if isinstance(column, np.ndarray) else type(column).__name__
