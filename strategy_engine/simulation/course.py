"""The course of a simulation: the loop over all bars, in one call or in parts where somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from market_data.bars import FloatArray, IntArray
from strategy_engine.simulation.inputs import Book, Curves, Decisions, Market, Rules
from strategy_engine.simulation.layout import (
    ACCOUNT_WIDTH,
    AMBIGUOUS,
    BALANCE,
    INTEREST,
    LAST_AMBIGUOUS,
    LINE_WIDTH,
    NOTE_WIDTH,
    NOTES,
    OWN_STOP,
    OWN_TARGET,
    ROW_WIDTH,
    ROWS,
    SIZE_FRAC,
    WEIGHT,
)
from strategy_engine.simulation.loop import LINES_A_BAR, run_span

BARS_AT_ONCE: Final = 100_000
"""Of all symbols together: what one call of the kernel does where somebody listens, some tens of milliseconds."""


class Outcome(NamedTuple):
    """curves: the account at each close. rows, notes: see `layout`. ambiguous: bars that may have hit both stop and
    target. interest: what idle cash has earned.
    """

    curves: Curves
    rows: FloatArray
    notes: FloatArray
    ambiguous: int
    interest: float


def run_bars(
    market: Market,
    decisions: Decisions,
    rules: Rules,
    time: IntArray,
    cash: float,
    meanwhile: Callable[[float], None] | None = None,
) -> Outcome:
    """Return what an account of `cash` would have done. time: int64 ns of each bar, shape (n,).

    meanwhile: told now and then which fraction of the bars is done; what it raises ends the run. It changes nothing
    of what comes out.
    """
    count, symbols = market.bars.shape[1:]
    book = _empty_book(symbols, 64 + 2 * symbols * (rules.rung_count + LINES_A_BAR), cash)
    curves = Curves(np.empty(count), np.empty(count), np.empty(count))
    step = count if meanwhile is None else max(1, BARS_AT_ONCE // symbols)
    for first in range(0, count, step):
        if meanwhile is not None:
            meanwhile(first / count)
        book = run_span(first, min(first + step, count), market, decisions, rules, time, book, curves)
    rows, notes = book.rows[: int(book.account[ROWS])].copy(), book.notes[: int(book.account[NOTES])].copy()
    return Outcome(curves, rows, notes, int(book.account[AMBIGUOUS]), float(book.account[INTEREST]))


def _empty_book(symbols: int, capacity: int, cash: float) -> Book:
    """Return a book in which nothing has happened."""
    lines, account = np.zeros((symbols, LINE_WIDTH)), np.zeros(ACCOUNT_WIDTH)
    lines[:, [OWN_STOP, OWN_TARGET, SIZE_FRAC, WEIGHT]] = np.nan
    account[BALANCE], account[LAST_AMBIGUOUS] = cash, -1.0
    return Book(lines, account, np.empty((capacity, ROW_WIDTH)), np.empty((capacity, NOTE_WIDTH)))
