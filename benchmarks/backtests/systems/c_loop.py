"""The fill loop in C, beside AITrader's kernel: the same decisions in, the same fills and equity out."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from benchmarks.backtests.systems.aitrader import bars_of
from benchmarks.backtests.systems.c_code import Columns, address, loaded
from benchmarks.backtests.work import CASH, FAST, SLOW, Outcome, Work
from strategy_engine import MarketView, SmaCross


def prepared(work: Work) -> Callable[[], None]:
    fill, inputs = _filling(work)
    columns = Columns.of(work.close.size)
    out = ctypes.byref(columns)

    def backtest() -> None:
        fill(*inputs, out)

    return backtest


def outcome(result: None, work: Work) -> Outcome:
    del result
    fill, inputs = _filling(work)
    columns = Columns.of(work.close.size)
    fill(*inputs, ctypes.byref(columns))
    return columns.outcome(work.close.size)


def _filling(work: Work) -> tuple[Callable[..., None], tuple[object, ...]]:
    signals = SmaCross(fast=FAST, slow=SLOW).signals(MarketView(bars_of(work)))
    arrays = (work.open, work.close, signals.entries, signals.exits)
    simulate = loaded().simulate
    _KEPT.extend(arrays)
    scalars = ctypes.c_int64(work.close.size), ctypes.c_double(CASH), ctypes.c_double(work.fee)
    return simulate, (*map(address, arrays), *scalars)


_KEPT: list[object] = []  # C holds addresses, which keep nothing alive
