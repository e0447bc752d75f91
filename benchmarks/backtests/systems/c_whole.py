"""Averages, crossings, fills and equity in C: no metrics, no table of trades, no checks."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from benchmarks.backtests.systems.c_code import Columns, address, loaded
from benchmarks.backtests.work import CASH, FAST, SLOW, Outcome, Work


def prepared(work: Work) -> Callable[[], None]:
    library = loaded()
    columns = Columns.of(work.close.size)
    out, inputs = ctypes.byref(columns), _inputs(work)

    def backtest() -> None:
        library.backtest(*inputs, out)

    return backtest


def outcome(result: None, work: Work) -> Outcome:
    del result
    columns = Columns.of(work.close.size)
    loaded().backtest(*_inputs(work), ctypes.byref(columns))
    return columns.outcome(work.close.size)


def _inputs(work: Work) -> tuple[object, ...]:
    _KEPT.append(work)
    sizes = (ctypes.c_int64(size) for size in (work.close.size, FAST, SLOW))
    return address(work.open), address(work.close), *sizes, ctypes.c_double(CASH), ctypes.c_double(work.fee)


_KEPT: list[object] = []  # C holds addresses, which keep nothing alive
