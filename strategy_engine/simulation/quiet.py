"""Tells the bars in which nothing can happen from the others: most bars are quiet. Written out in the loop."""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined
from strategy_engine.simulation.inputs import Book, Decisions, Market, Rules
from strategy_engine.simulation.layout import (
    AGE,
    BALANCE,
    BEST,
    CLOSE,
    ENTRY,
    EXIT,
    HIGH,
    LEAVE,
    LOW,
    LOWER_BARS,
    NEXT_RUNG,
    PRICE,
    SHORT_ENTRY,
    SHORT_EXIT,
    SIDE,
    SIZE,
    STOP,
    TARGET,
    TRAIL,
)


@inlined
def is_quiet(i: int, j: int, market: Market, rules: Rules, book: Book) -> bool:
    """Return whether bar i can touch no order of symbol j: it may say no where nothing happens, never the reverse."""
    size = book.lines[j, SIZE]
    quiet = book.lines[j, SIDE] == 0.0
    if quiet and size != 0.0:
        is_long = size > 0.0
        side = 1.0 if is_long else -1.0
        best = market.bars[HIGH, i, j] if is_long else market.bars[LOW, i, j]
        worst = market.bars[LOW, i, j] if is_long else market.bars[HIGH, i, j]
        touches = (
            side * (worst - book.lines[j, STOP]) <= 0.0
            or side * (best - book.lines[j, TARGET]) >= 0.0
            or side * (best - book.lines[j, NEXT_RUNG]) >= 0.0
            or (book.lines[j, TRAIL] > 0.0 and side * (best - book.lines[j, BEST]) > 0.0)
        )
        quiet = not touches and book.lines[j, LEAVE] == 0.0 and rules.same_bar != LOWER_BARS
    return quiet


@inlined
def is_all_quiet(i: int, market: Market, rules: Rules, book: Book) -> bool:
    """Return whether bar i touches no order of any symbol and is safe for the account."""
    quiet = True
    equity, gross = book.account[BALANCE], 0.0
    may_owe = rules.leverage > 1.0
    for j in range(book.lines.shape[0]):
        size = book.lines[j, SIZE]
        has_bar = not np.isnan(market.bars[CLOSE, i, j])
        quiet = quiet and (not has_bar or is_quiet(i, j, market, rules, book))
        if size != 0.0 and has_bar:
            worst = market.bars[LOW, i, j] if size > 0.0 else market.bars[HIGH, i, j]
            equity += size * (worst - book.lines[j, PRICE])
            gross += abs(size) * worst
            may_owe = may_owe or size < 0.0
        elif size != 0.0:
            quiet = False  # rare: valued at an older price
    return quiet and (gross == 0.0 or not may_owe or equity > max(rules.maintenance, 1e-9) * gross)


@inlined
def says_nothing(i: int, j: int, decisions: Decisions, rules: Rules, book: Book) -> bool:
    """Return whether the close of bar i changes nothing for symbol j but the age of its position."""
    silent = not (decisions.flags[ENTRY, i, j] or decisions.flags[EXIT, i, j])
    if decisions.flags.shape[0] > SHORT_EXIT:
        silent = silent and not (decisions.flags[SHORT_ENTRY, i, j] or decisions.flags[SHORT_EXIT, i, j])
    is_due = rules.time_stop > 0 and book.lines[j, AGE] + 1.0 >= rules.time_stop
    return silent and not is_due
