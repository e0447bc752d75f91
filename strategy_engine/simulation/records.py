"""What a simulation leaves behind, whichever loop ran: columns of trades, of the journal and of each close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.kernels import BOOL, BOOLS, FLOATS, INTS, MATRIX, kernel
from strategy_engine.simulate import Ledger
from strategy_engine.simulation import layout
from strategy_engine.simulation.course import Outcome


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Records:
    """Trades: columns of shape (trades,), in the order of entry; bars and symbols as indices, size signed.

    entry_fee, exit_fee: currency; risk: from entry to the first stop, per unit, NaN for none; reason: see
    `layout`. note_*: columns of shape (rejections,). equity, net, gross: shape (n,), currency at each close;
    net and gross are the value of what is held. interest: what idle cash has earned, currency.
    """

    symbol: IntArray
    entry_bar: IntArray
    exit_bar: IntArray
    size: FloatArray
    entry_price: FloatArray
    exit_price: FloatArray
    entry_fee: FloatArray
    exit_fee: FloatArray
    reason: IntArray
    risk: FloatArray
    is_from_open: BoolArray
    is_open: BoolArray
    note_bar: IntArray
    note_symbol: IntArray
    note_side: FloatArray
    note_asked: FloatArray
    note_filled: FloatArray
    note_reason: IntArray
    equity: FloatArray
    net: FloatArray
    gross: FloatArray
    ambiguous: int
    interest: float


def records_of_ledger(ledger: Ledger, close: FloatArray, commission_rate: float) -> Records:
    """Return the records of the plain loop, which knows one symbol, long positions and one kind of order."""
    count, notes = len(ledger.size), len(ledger.rejected_bar)
    is_open = np.zeros(count, np.bool_)
    if ledger.ends_open:
        is_open[-1] = True
    held = value_held(ledger.entry_bar, ledger.exit_bar, ledger.size, close, ledger.ends_open)
    return Records(
        symbol=np.zeros(count, np.int64),
        entry_bar=ledger.entry_bar,
        exit_bar=ledger.exit_bar,
        size=ledger.size,
        entry_price=ledger.entry_price,
        exit_price=ledger.exit_price,
        entry_fee=ledger.size * ledger.entry_price * commission_rate,
        exit_fee=np.where(is_open, 0.0, ledger.size * ledger.exit_price * commission_rate),
        reason=np.where(is_open, layout.BY_END, layout.BY_SIGNAL),
        risk=np.full(count, np.nan),
        is_from_open=np.ones(count, np.bool_),
        is_open=is_open,
        note_bar=ledger.rejected_bar,
        note_symbol=np.zeros(notes, np.int64),
        note_side=np.ones(notes),
        note_asked=ledger.rejected_size,
        note_filled=np.zeros(notes),
        note_reason=np.full(notes, layout.BELOW_LOT),
        equity=ledger.equity,
        net=held,
        gross=held,
        ambiguous=0,
        interest=0.0,
    )


def records_of_outcome(outcome: Outcome) -> Records:
    """Return the records of the general loop."""
    rows, notes = outcome.rows, outcome.notes
    if len(rows) > 1:  # they were written as trades ended
        rows = rows[np.argsort(rows[:, layout.ROW_ENTRY_BAR], kind="stable")]
    return Records(
        symbol=_whole(rows, layout.ROW_SYMBOL),
        entry_bar=_whole(rows, layout.ROW_ENTRY_BAR),
        exit_bar=_whole(rows, layout.ROW_EXIT_BAR),
        size=_column(rows, layout.ROW_SIZE),
        entry_price=_column(rows, layout.ROW_ENTRY_PRICE),
        exit_price=_column(rows, layout.ROW_EXIT_PRICE),
        entry_fee=_column(rows, layout.ROW_ENTRY_FEE),
        exit_fee=_column(rows, layout.ROW_EXIT_FEE),
        reason=_whole(rows, layout.ROW_REASON),
        risk=_column(rows, layout.ROW_RISK),
        is_from_open=rows[:, layout.ROW_IS_FROM_OPEN] != 0.0,
        is_open=rows[:, layout.ROW_IS_OPEN] != 0.0,
        note_bar=_whole(notes, layout.NOTE_BAR),
        note_symbol=_whole(notes, layout.NOTE_SYMBOL),
        note_side=_column(notes, layout.NOTE_SIDE),
        note_asked=_column(notes, layout.NOTE_ASKED),
        note_filled=_column(notes, layout.NOTE_FILLED),
        note_reason=_whole(notes, layout.NOTE_REASON),
        equity=outcome.curves.equity,
        net=outcome.curves.net,
        gross=outcome.curves.gross,
        ambiguous=outcome.ambiguous,
        interest=outcome.interest,
    )


def _column(table: FloatArray, place: int) -> FloatArray:
    return np.ascontiguousarray(table[:, place])


def _whole(table: FloatArray, place: int) -> IntArray:
    return table[:, place].astype(np.int64)


@kernel(INTS, INTS, FLOATS, FLOATS, BOOL)
def value_held(
    entry_bar: IntArray,
    exit_bar: IntArray,
    size: FloatArray,
    close: FloatArray,
    ends_open: bool,
) -> FloatArray:
    """Return the value of what trades in one symbol hold at each close, shape (n,)."""
    value = np.zeros(close.size)
    for k in range(size.size):
        end = close.size if ends_open and k == size.size - 1 else exit_bar[k]
        for i in range(entry_bar[k], end):
            value[i] = size[k] * close[i]
    return value


@kernel(INTS, INTS, INTS, FLOATS, FLOATS, FLOATS, BOOLS, BOOLS, MATRIX, MATRIX, MATRIX)
def excursions(
    symbol: IntArray,
    entry_bar: IntArray,
    exit_bar: IntArray,
    size: FloatArray,
    entry_price: FloatArray,
    exit_price: FloatArray,
    is_from_open: BoolArray,
    is_to_close: BoolArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return how far each trade went against and for its holder: MAE and MFE, fractions of the entry price >= 0.

    Every bar between entry and exit counts with its whole range. The bar of the entry does if the entry filled
    at its open, else only its close is surely later; the bar of the exit does if the trade was held to its
    close, else only the price of the exit counts.
    """
    adverse, favourable = np.zeros(size.size), np.zeros(size.size)
    for k in range(size.size):
        j = symbol[k]
        highest = max(entry_price[k], exit_price[k])
        lowest = min(entry_price[k], exit_price[k])
        first = entry_bar[k]
        if not is_from_open[k]:
            if exit_bar[k] > first:
                highest, lowest = max(highest, close[first, j]), min(lowest, close[first, j])
            first += 1
        for i in range(first, exit_bar[k] + is_to_close[k]):
            if np.isnan(close[i, j]):  # a bar that is not there
                continue
            highest, lowest = max(highest, high[i, j]), min(lowest, low[i, j])
        up, down = highest / entry_price[k] - 1.0, 1.0 - lowest / entry_price[k]
        adverse[k], favourable[k] = (down, up) if size[k] > 0.0 else (up, down)
    return adverse, favourable
