"""What time brings and what is owed: interest, borrow cost, margin call and liquidation, ruin. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined, inner
from strategy_engine.simulation.fills import leave, note
from strategy_engine.simulation.inputs import Book, Market, Rules
from strategy_engine.simulation.layout import (
    BACKTESTING_PY,
    BALANCE,
    BY_LIQUIDATION,
    CLOSE,
    FEES,
    HIGH,
    INTEREST,
    IS_RUINED,
    LEAVE,
    LOW,
    MARGIN_CALL,
    MARK,
    NEXT_OPEN,
    OPEN,
    PRICE,
    SIZE,
    STOP,
    VECTORBT,
)
from strategy_engine.simulation.sizes import equity_now


@inlined
def earn_interest(passed_ns: float, rules: Rules, book: Book) -> None:
    """Pay for the time that has passed what cash beyond the value of all positions, at their last marks, earns."""
    idle = equity_now(book)
    for j in range(book.lines.shape[0]):
        idle -= abs(book.lines[j, SIZE]) * book.lines[j, MARK]
    earned = max(0.0, idle) * rules.cash_per_ns * passed_ns
    book.account[BALANCE] += earned
    book.account[INTEREST] += earned


@inlined
def charge_borrow(passed_ns: float, rules: Rules, book: Book) -> None:
    """Charge shorts, at their last mark, for the time that has passed."""
    for j in range(book.lines.shape[0]):
        position = book.lines[j]
        if position[SIZE] < 0.0:
            cost = -position[SIZE] * position[MARK] * rules.borrow_per_ns * passed_ns
            book.account[BALANCE] -= cost
            position[FEES] += cost


@inner
def margin_price(i: int, j: int, at_close: bool, market: Market, book: Book) -> float:
    """Return the price at which position j is valued for its margin: the worst of the bar, or its close.

    A stop that the bar reaches bounds the loss, so that the worst price is then the one at which it fills.
    """
    position = book.lines[j]
    if np.isnan(market.bars[CLOSE, i, j]):
        return position[MARK]
    if at_close:
        return market.bars[CLOSE, i, j]
    if position[SIZE] > 0.0:
        return (
            max(market.bars[LOW, i, j], min(market.bars[OPEN, i, j], position[STOP]))
            if position[STOP] > 0.0
            else market.bars[LOW, i, j]
        )
    return (
        min(market.bars[HIGH, i, j], max(market.bars[OPEN, i, j], position[STOP]))
        if position[STOP] > 0.0
        else market.bars[HIGH, i, j]
    )


@inner
def needs_margin(book: Book, rules: Rules) -> bool:
    """Return whether anything is held that could lose more than it is worth."""
    held = short = False
    for j in range(book.lines.shape[0]):
        held |= book.lines[j, SIZE] != 0.0
        short |= book.lines[j, SIZE] < 0.0
    return held and (short or rules.leverage > 1.0)


@inner
def liquidate(i: int, at_close: bool, market: Market, rules: Rules, book: Book) -> None:
    """Leave everything at its margin price if the equity there is below the maintenance margin."""
    if rules.profile != NEXT_OPEN or not needs_margin(book, rules):
        return
    equity, gross = book.account[BALANCE], 0.0
    for j in range(book.lines.shape[0]):
        position = book.lines[j]
        if position[SIZE] != 0.0:
            price = margin_price(i, j, at_close, market, book)
            equity += position[SIZE] * (price - position[PRICE])
            gross += abs(position[SIZE]) * price
    if equity >= rules.maintenance * gross:
        return
    for j in range(book.lines.shape[0]):
        position = book.lines[j]
        if position[SIZE] != 0.0:
            note(i, j, -np.sign(position[SIZE]), abs(position[SIZE]), abs(position[SIZE]), MARGIN_CALL, book)
            if np.isnan(market.bars[CLOSE, i, j]):
                position[LEAVE] = BY_LIQUIDATION  # nobody trades it now
            else:
                price = margin_price(i, j, at_close, market, book)
                leave(i, j, abs(position[SIZE]), price, BY_LIQUIDATION, rules, book)


@inner
def end_if_ruined(i: int, market: Market, rules: Rules, book: Book) -> None:
    """Leave everything at the close, for good, once the equity is gone."""
    if rules.profile == VECTORBT or book.account[IS_RUINED] != 0.0 or equity_now(book) > 0.0:
        return
    for j in range(book.lines.shape[0]):
        units = abs(book.lines[j, SIZE])
        if units > 0.0 and not np.isnan(market.bars[CLOSE, i, j]):
            leave(i, j, units, market.bars[CLOSE, i, j], BY_LIQUIDATION, rules, book)
    book.account[IS_RUINED] = 1.0
    if rules.profile == BACKTESTING_PY:
        book.account[BALANCE] = 0.0
