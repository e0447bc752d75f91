"""The loop over the bars. Compiled.

For each bar i:
1. For the time since the bar before idle cash earns and shorts pay; every position is marked at the open.
2. At the open: what was decided at earlier closes. All that leave go first, then entries at market, both in the
   order of symbols; or the orders of a rebalance (`rebalancing`). A symbol without a bar waits for its next one.
3. Inside the bar: if the worst prices bring the account below its maintenance margin, everything is liquidated
   there (`margin`); else stops, targets and waiting entries, symbol by symbol (`inside`).
4. At the close: positions are marked, margin is tested once more, the equity is written down.
5. The strategy's decisions become orders for the bars to come (`decisions`).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from market_data.bars import FloatArray, IntArray
from market_data.kernels import INT, INTS, inlined, inner, kernel
from strategy_engine.simulation.decisions import decide, take_weights
from strategy_engine.simulation.entry_orders import age_order
from strategy_engine.simulation.fills import leave_at_market, note, record, try_entry
from strategy_engine.simulation.inputs import (
    BOOK,
    CURVES,
    DECISIONS,
    MARKET,
    RULES,
    Book,
    Curves,
    Decisions,
    Market,
    Rules,
)
from strategy_engine.simulation.inside import walk
from strategy_engine.simulation.layout import (
    AGE,
    BALANCE,
    BY_END,
    CLOSE,
    LEAVE,
    LIMIT,
    MARK,
    NOTES,
    OPEN,
    PRICE,
    ROW_IS_OPEN,
    ROWS,
    SIDE,
    SIZE,
    TRIGGER,
    VECTORBT,
    VOLUME,
    WAITING,
)
from strategy_engine.simulation.margin import charge_borrow, earn_interest, end_if_ruined, liquidate
from strategy_engine.simulation.quiet import is_all_quiet, says_nothing
from strategy_engine.simulation.rebalancing import rebalance

LINES_A_BAR: Final = 6
"""What one bar can add to a table, for each symbol and beside the rungs of its ladder, at most."""


@inner
def roomier(table: FloatArray, used: int, needed: int) -> FloatArray:
    """Return the table, or a longer copy of it, with room for `needed` lines beyond the `used` ones."""
    if used + needed <= table.shape[0]:
        return table
    longer = np.empty((2 * (used + needed), table.shape[1]))
    longer[:used] = table[:used]
    return longer


@inner
def with_room(needed: int, book: Book) -> Book:
    """Return the book with room for what one bar can add."""
    rows = roomier(book.rows, int(book.account[ROWS]), needed)
    notes = roomier(book.notes, int(book.account[NOTES]), needed)
    return Book(book.lines, book.account, rows, notes)


@inlined
def leave_at_open(i: int, j: int, market: Market, rules: Rules, book: Book) -> None:
    """Leave position j if an earlier close decided so."""
    position = book.lines[j]
    if position[LEAVE] != 0.0 and position[SIZE] != 0.0:
        leave_at_market(i, j, abs(position[SIZE]), market.bars[OPEN, i, j], int(position[LEAVE]), market, rules, book)


@inlined
def enter_at_open(i: int, j: int, market: Market, rules: Rules, book: Book) -> None:
    """Enter symbol j if an earlier close sent a market order."""
    order = book.lines[j]
    if order[SIDE] == 0.0 or not (np.isnan(order[LIMIT]) and np.isnan(order[TRIGGER])):
        return
    if book.lines[j, SIZE] != 0.0:  # too little volume to leave what is held: no room for this
        note(i, j, order[SIDE], np.nan, 0.0, VOLUME, book)
        order[SIDE] = 0.0
        return
    try_entry(i, j, market.bars[OPEN, i, j], False, True, market, rules, book)


@inlined
def stops_before_signals(i: int, market: Market, rules: Rules, book: Book) -> None:
    """Test stops and targets ahead of everything else; a symbol that hits one does nothing more in this bar."""
    if rules.profile != VECTORBT:
        return
    for j in range(book.lines.shape[0]):
        if book.lines[j, SIZE] != 0.0 and not np.isnan(market.bars[CLOSE, i, j]):
            book.lines[j, LEAVE], leaving = 0.0, book.lines[j, LEAVE]
            walk(i, j, market, rules, book)
            if book.lines[j, SIZE] != 0.0:
                book.lines[j, LEAVE] = leaving
            else:
                book.lines[j, SIDE] = 0.0


@inlined
def open_of_bar(i: int, wanted: FloatArray, market: Market, rules: Rules, book: Book) -> None:
    """Do what happens at the open of bar i: marks, leavings, entries or a rebalance."""
    symbols = book.lines.shape[0]
    for j in range(symbols):
        if not np.isnan(market.bars[CLOSE, i, j]):
            book.lines[j, MARK] = market.bars[OPEN, i, j]
    stops_before_signals(i, market, rules, book)
    for j in range(symbols):
        if not np.isnan(market.bars[CLOSE, i, j]):
            leave_at_open(i, j, market, rules, book)
    for j in range(symbols):
        if not np.isnan(market.bars[CLOSE, i, j]):
            enter_at_open(i, j, market, rules, book)
    rebalance(i, wanted, market, rules, book)


@inlined
def inside_of_bar(i: int, market: Market, rules: Rules, book: Book) -> None:
    """Do what happens between the open and the close of bar i."""
    liquidate(i, False, market, rules, book)
    for j in range(book.lines.shape[0]):
        if not np.isnan(market.bars[CLOSE, i, j]):
            if rules.profile != VECTORBT:
                walk(i, j, market, rules, book)
            age_order(i, j, book)


@inlined
def close_of_bar(i: int, market: Market, rules: Rules, book: Book) -> None:
    """Mark positions at the close of bar i; test margin and ruin; after the last bar, leave if so asked."""
    for j in range(book.lines.shape[0]):
        close = market.bars[CLOSE, i, j]
        if not np.isnan(close):
            book.lines[j, MARK] = close
    liquidate(i, True, market, rules, book)
    end_if_ruined(i, market, rules, book)
    if rules.is_closed_at_end and i == market.bars.shape[1] - 1:
        for j in range(book.lines.shape[0]):
            units = abs(book.lines[j, SIZE])
            if units > 0.0:
                leave_at_market(i, j, units, book.lines[j, MARK], BY_END, market, rules, book)


@inlined
def busy_bar(i: int, wanted: FloatArray, market: Market, rules: Rules, book: Book) -> None:
    """Do all that happens in bar i up to its close."""
    open_of_bar(i, wanted, market, rules, book)
    inside_of_bar(i, market, rules, book)
    close_of_bar(i, market, rules, book)


@inlined
def pass_time(passed_ns: float, rules: Rules, book: Book) -> None:
    """Settle what time alone brings: interest on idle cash, then what borrowed shares cost."""
    if rules.cash_per_ns > 0.0:
        earn_interest(passed_ns, rules, book)
    if rules.borrow_per_ns > 0.0:
        charge_borrow(passed_ns, rules, book)


@inlined
def has_room(needed: int, book: Book) -> bool:
    """Return whether what one bar can add fits the tables."""
    return book.account[ROWS] + needed <= book.rows.shape[0] and book.account[NOTES] + needed <= book.notes.shape[0]


@inlined
def write_close(i: int, curves: Curves, market: Market, book: Book) -> None:
    """Mark every position at the close of bar i and write the account's state down."""
    equity, net, gross = book.account[BALANCE], 0.0, 0.0
    for j in range(book.lines.shape[0]):
        if not np.isnan(market.bars[CLOSE, i, j]):
            book.lines[j, MARK] = market.bars[CLOSE, i, j]
        size, mark = book.lines[j, SIZE], book.lines[j, MARK]
        if size != 0.0:
            equity += size * (mark - book.lines[j, PRICE])
            net += size * mark
            gross += abs(size) * mark
    curves.equity[i], curves.net[i], curves.gross[i] = equity, net, gross


@inlined
def write_open_trades(last: int, book: Book) -> None:
    """Write what is still held after the last bar as rows that are open."""
    for j in range(book.lines.shape[0]):
        if book.lines[j, SIZE] != 0.0:
            record(last, j, book.lines[j, SIZE], book.lines[j, MARK], 0.0, BY_END, book)
            book.rows[int(book.account[ROWS]) - 1, ROW_IS_OPEN] = 1.0


@kernel(INT, INT, MARKET, DECISIONS, RULES, INTS, BOOK, CURVES)
def run_span(
    first: int,
    end: int,
    market: Market,
    decisions: Decisions,
    rules: Rules,
    time: IntArray,
    book: Book,
    curves: Curves,
) -> Book:
    """Do bars `first` to `end`, that one left out; write the curves, and return the book, perhaps a roomier one."""
    count, symbols = market.bars.shape[1], market.bars.shape[2]
    most = symbols * (rules.rung_count + LINES_A_BAR)
    wanted = np.empty(symbols)
    for i in range(first, end):
        if not has_room(most, book):
            book = with_room(most, book)
        if i > 0:
            pass_time(float(time[i] - time[i - 1]), rules, book)
        is_end = i == count - 1
        if is_end or book.account[WAITING] > 0 or not is_all_quiet(i, market, rules, book):
            busy_bar(i, wanted, market, rules, book)
        write_close(i, curves, market, book)
        if decisions.rebalance.size > 0 and decisions.rebalance[i] and not is_end:
            take_weights(i, decisions, book)
        for j in range(symbols):
            if not np.isnan(market.bars[CLOSE, i, j]):
                if says_nothing(i, j, decisions, rules, book):
                    book.lines[j, AGE] += 1.0
                else:
                    decide(i, j, is_end, market, decisions, rules, book)
    if end == count:
        book = with_room(symbols, book)
        write_open_trades(count - 1, book)
    return book
