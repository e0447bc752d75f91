"""From what a strategy says at a close to the orders that the next bars may fill. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined, inner
from strategy_engine.simulation.fills import note
from strategy_engine.simulation.inputs import Book, Decisions, Market, Rules
from strategy_engine.simulation.layout import (
    AGE,
    BARS_LEFT,
    BY_SIGNAL,
    BY_TIME,
    CLOSE,
    DECIDED,
    ENTRY,
    ENTRY_FRAC,
    ENTRY_LIMIT,
    ENTRY_STOP,
    EXIT,
    IS_RUINED,
    LEAVE,
    LIMIT,
    LIMIT_ENTRY,
    LIMIT_OFFSET,
    OFFSET,
    OWN_STOP,
    OWN_TARGET,
    REPLACED,
    RUINED,
    SHORT_ENTRY,
    SHORT_EXIT,
    SIDE,
    SIZE,
    SIZE_FRAC,
    STOP_ENTRY,
    STOP_LIMIT_ENTRY,
    STOP_LOSS,
    TAKE_PROFIT,
    TARGET_WEIGHT,
    TRIGGER,
    VECTORBT,
    WAITING,
    WEIGHT,
)
from strategy_engine.simulation.prices import distance, given


@inner
def entry_side(i: int, j: int, decisions: Decisions) -> float:
    """Return 1 to buy, -1 to sell short, 0 for neither, as decided at the close of bar i."""
    flags = decisions.flags
    long = flags[ENTRY, i, j] and not flags[EXIT, i, j]
    short = False
    if flags.shape[0] > SHORT_EXIT:
        short = flags[SHORT_ENTRY, i, j] and not flags[SHORT_EXIT, i, j]
    if long == short:
        return 0.0
    return 1.0 if long else -1.0


@inner
def is_left(i: int, j: int, size: float, side: float, decisions: Decisions, rules: Rules) -> bool:
    """Return whether the close of bar i decides to leave a position of `size` units, signed."""
    flags = decisions.flags
    if size > 0.0:
        left = flags[EXIT, i, j] and not (rules.profile == VECTORBT and flags[ENTRY, i, j])
    elif flags.shape[0] > SHORT_EXIT:
        left = flags[SHORT_EXIT, i, j] and not (rules.profile == VECTORBT and flags[SHORT_ENTRY, i, j])
    else:
        left = False
    return left or side * size < 0.0


@inlined
def set_prices(i: int, j: int, side: float, market: Market, decisions: Decisions, rules: Rules, book: Book) -> None:
    """Write limit and trigger of an entry: the strategy's own, else those of the backtest's kind of order."""
    order = book.lines[j]
    close = market.bars[CLOSE, i, j]
    order[LIMIT], order[TRIGGER] = given(ENTRY_LIMIT, i, j, decisions), given(ENTRY_STOP, i, j, decisions)
    if not (np.isnan(order[LIMIT]) and np.isnan(order[TRIGGER])):
        return
    offset = side * distance(OFFSET, close, np.nan, i, j, market, rules)
    if rules.entry == LIMIT_ENTRY:
        order[LIMIT] = close - offset
    elif rules.entry == STOP_ENTRY:
        order[TRIGGER] = close + offset
    elif rules.entry == STOP_LIMIT_ENTRY:
        order[TRIGGER] = close + offset
        order[LIMIT] = order[TRIGGER] + side * distance(LIMIT_OFFSET, close, np.nan, i, j, market, rules)


@inlined
def send_entry(i: int, j: int, side: float, market: Market, decisions: Decisions, rules: Rules, book: Book) -> None:
    """Make an entry order of what the close of bar i decides; one that still waits gives way to it."""
    order = book.lines[j]
    if order[SIDE] != 0.0:
        note(i, j, order[SIDE], np.nan, 0.0, REPLACED, book)
    if book.account[IS_RUINED] != 0.0:
        note(i, j, side, np.nan, 0.0, RUINED, book)
        return
    set_prices(i, j, side, market, decisions, rules, book)
    order[SIDE], order[DECIDED], order[BARS_LEFT] = side, i, rules.valid_bars
    order[OWN_STOP], order[OWN_TARGET] = given(STOP_LOSS, i, j, decisions), given(TAKE_PROFIT, i, j, decisions)
    order[SIZE_FRAC] = given(ENTRY_FRAC, i, j, decisions)


@inner
def take_weights(i: int, decisions: Decisions, book: Book) -> None:
    """Take down the target weights of row i for every symbol; each waits for its next bar."""
    for j in range(book.lines.shape[0]):
        if np.isnan(book.lines[j, WEIGHT]):
            book.account[WAITING] += 1.0
        book.lines[j, WEIGHT] = decisions.values[TARGET_WEIGHT, i, j]
        book.lines[j, DECIDED] = i


@inner
def decide(i: int, j: int, is_last: bool, market: Market, decisions: Decisions, rules: Rules, book: Book) -> None:
    """Take down the decisions of the close of bar i for symbol j; after the last bar there are none."""
    position = order = book.lines[j]
    position[AGE] += 1.0
    if is_last:
        return
    if rules.time_stop > 0 and position[SIZE] != 0.0 and position[AGE] >= rules.time_stop and position[LEAVE] == 0.0:
        position[LEAVE] = BY_TIME
    side = entry_side(i, j, decisions)
    if position[SIZE] != 0.0 and is_left(i, j, position[SIZE], side, decisions, rules):
        position[LEAVE] = BY_SIGNAL if position[LEAVE] == 0.0 else position[LEAVE]
    if side != 0.0 and side * position[SIZE] <= 0.0:
        send_entry(i, j, side, market, decisions, rules, book)
    elif order[SIDE] != 0.0 and is_left(i, j, order[SIDE], side, decisions, rules):
        note(i, j, order[SIDE], np.nan, 0.0, REPLACED, book)
        order[SIDE] = 0.0
