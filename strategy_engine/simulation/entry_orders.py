"""Limit, stop and stop-limit entries that wait for their price. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined, inner
from strategy_engine.simulation.fills import note, try_entry
from strategy_engine.simulation.inputs import Book, Market, Rules
from strategy_engine.simulation.layout import (
    BACKTESTING_PY,
    BARS_LEFT,
    EXPIRED,
    LIMIT,
    NEXT_OPEN,
    SIDE,
    SIZE,
    TRIGGER,
)
from strategy_engine.simulation.protection import is_reached, protect, protect_inside


@inlined
def enter_by_limit(
    i: int, j: int, start: float, worst: float, best: float, end: float, market: Market, rules: Rules, book: Book
) -> None:
    """Fill a limit entry at the open if that is better than its price, else at its price if that is reached."""
    order = book.lines[j]
    side, limit = order[SIDE], order[LIMIT]
    if is_reached(-side, start, limit, rules):
        if try_entry(i, j, start, True, True, market, rules, book) and rules.profile == NEXT_OPEN:
            protect(i, j, start, worst, best, market, rules, book)
    elif is_reached(-side, worst, limit, rules) and try_entry(i, j, limit, True, False, market, rules, book):
        protect_inside(i, j, start, worst, best, end, False, market, rules, book)


@inlined
def enter_by_stop(
    i: int, j: int, start: float, worst: float, best: float, end: float, market: Market, rules: Rules, book: Book
) -> None:
    """Fill a stop entry at the open if that is worse than its price, else at its price if that is reached."""
    order = book.lines[j]
    side, trigger = order[SIDE], order[TRIGGER]
    if side * (start - trigger) >= 0.0:
        if try_entry(i, j, start, False, True, market, rules, book):
            if rules.profile == NEXT_OPEN:
                protect(i, j, start, worst, best, market, rules, book)
            else:
                protect_inside(i, j, start, worst, best, end, True, market, rules, book)
    elif side * (best - trigger) >= 0.0 and try_entry(i, j, trigger, False, False, market, rules, book):
        protect_inside(i, j, start, worst, best, end, True, market, rules, book)


@inlined
def enter_by_stop_limit(
    i: int, j: int, start: float, worst: float, best: float, end: float, market: Market, rules: Rules, book: Book
) -> None:
    """Arm a stop-limit entry when its stop is reached; from then on it is a limit order.

    In the part that reaches the stop it fills where the price then is, if the limit allows that. If not, the
    price must have come back to the limit afterwards, of which only the end of the part is a sign; later
    parts treat it as any limit order.
    """
    order = book.lines[j]
    side, trigger, limit = order[SIDE], order[TRIGGER], order[LIMIT]
    if side * (best - trigger) < 0.0:
        return
    order[TRIGGER] = np.nan
    is_from_open = side * (start - trigger) >= 0.0
    price = start if is_from_open else trigger
    if side * (limit - price) >= 0.0:
        if not try_entry(i, j, price, True, is_from_open, market, rules, book):
            return
        if is_from_open and rules.profile == NEXT_OPEN:
            protect(i, j, start, worst, best, market, rules, book)
        else:
            protect_inside(i, j, start, worst, best, end, True, market, rules, book)
    elif rules.profile != BACKTESTING_PY and is_reached(-side, end, limit, rules):
        try_entry(i, j, limit, True, False, market, rules, book)


@inlined
def enter_by_price(
    i: int, j: int, start: float, high: float, low: float, end: float, market: Market, rules: Rules, book: Book
) -> None:
    """Try the entry order of symbol j, if it waits for a price, over a part of bar i."""
    order = book.lines[j]
    if order[SIDE] == 0.0 or book.lines[j, SIZE] != 0.0:
        return
    worst = low if order[SIDE] > 0.0 else high
    best = high if order[SIDE] > 0.0 else low
    has_limit, has_trigger = not np.isnan(order[LIMIT]), not np.isnan(order[TRIGGER])
    if has_limit and has_trigger:
        enter_by_stop_limit(i, j, start, worst, best, end, market, rules, book)
    elif has_limit:
        enter_by_limit(i, j, start, worst, best, end, market, rules, book)
    elif has_trigger:
        enter_by_stop(i, j, start, worst, best, end, market, rules, book)


@inner
def age_order(i: int, j: int, book: Book) -> None:
    """Take one bar off the time of symbol j's entry order; drop it when none is left."""
    order = book.lines[j]
    if order[SIDE] == 0.0:
        return
    order[BARS_LEFT] -= 1.0
    if order[BARS_LEFT] <= 0.0:
        note(i, j, order[SIDE], np.nan, 0.0, EXPIRED, book)
        order[SIDE] = 0.0
