"""Orders that bring a portfolio to its target weights: what shrinks first, then what grows. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.bars import FloatArray
from market_data.kernels import inlined, inner
from strategy_engine.simulation.fills import enter, leave_at_market, note
from strategy_engine.simulation.inputs import Book, Market, Rules
from strategy_engine.simulation.layout import (
    BALANCE,
    BELOW_LOT,
    BELOW_MIN_NOTIONAL,
    BY_REBALANCE,
    FEES,
    FIRST_SIZE,
    IS_RUINED,
    NO_CASH,
    OPEN,
    PRICE,
    RUINED,
    SHRUNK_TO_CASH,
    SIZE,
    VOLUME,
    WAITING,
    WEIGHT,
)
from strategy_engine.simulation.prices import commission, largest_fill, slip_frac
from strategy_engine.simulation.sizes import affordable, equity_now, free_margin, lots_below, margin_cost, whole_lots


@inlined
def aim(i: int, wanted: FloatArray, market: Market, rules: Rules, book: Book) -> int:
    """Write the signed units that each symbol should have at the open of bar i, NaN to leave it; return how many."""
    equity = equity_now(book)
    count = 0
    for j in range(wanted.size):
        weight = book.lines[j, WEIGHT]
        wanted[j] = np.nan
        if not np.isnan(weight) and not np.isnan(market.bars[OPEN, i, j]):
            exact = abs(weight) * max(equity, 0.0) / market.bars[OPEN, i, j]
            wanted[j] = np.sign(weight) * whole_lots(exact, rules.lot_step)
            if exact > 0.0 and wanted[j] == 0.0 and book.lines[j, SIZE] == 0.0:
                note(i, j, np.sign(weight), exact, 0.0, BELOW_LOT, book)
            book.lines[j, WEIGHT] = np.nan
            book.account[WAITING] -= 1.0
            count += 1
    return count


@inlined
def shrink(i: int, j: int, wanted: float, market: Market, rules: Rules, book: Book) -> None:
    """Leave what position j has beyond `wanted` units, signed; all of it to change sides."""
    held = book.lines[j, SIZE]
    kept = abs(wanted) if wanted * held > 0.0 else 0.0
    excess = abs(held) - kept
    if excess <= 0.0:
        return
    if kept > 0.0 and excess * market.bars[OPEN, i, j] < rules.min_notional:
        note(i, j, -np.sign(held), excess, 0.0, BELOW_MIN_NOTIONAL, book)
        return
    leave_at_market(i, j, excess, market.bars[OPEN, i, j], BY_REBALANCE, market, rules, book)


@inner
def growth(j: int, wanted: float, book: Book) -> float:
    """Return how many units position j lacks to `wanted`, signed, or 0."""
    held = book.lines[j, SIZE]
    if np.isnan(wanted) or wanted * held < 0.0:
        return 0.0
    return max(0.0, abs(wanted) - abs(held))


@inner
def growth_price(i: int, j: int, side: float, units: float, market: Market, rules: Rules) -> float:
    """Return what a unit costs when `units` are added at the open of bar i."""
    return market.bars[OPEN, i, j] * (1.0 + side * (rules.spread + slip_frac(i, j, units, market, rules)))


@inlined
def grow(i: int, j: int, side: float, units: float, price: float, market: Market, rules: Rules, book: Book) -> None:
    """Add `units` to position j at `price`; its entry price becomes the mean."""
    position = book.lines[j]
    if position[SIZE] == 0.0:
        enter(i, j, side, units, price, True, market, rules, book)
        return
    fee = commission(units, price, rules)
    book.account[BALANCE] -= fee
    held = abs(position[SIZE])
    position[PRICE] = (held * position[PRICE] + units * price) / (held + units)
    position[SIZE] = side * (held + units)
    position[FIRST_SIZE] += units
    position[FEES] += fee


@inlined
def growth_cost(i: int, wanted: FloatArray, market: Market, rules: Rules, book: Book) -> float:
    """Return the margin and commission of all that should grow."""
    total = 0.0
    for j in range(wanted.size):
        units = growth(j, wanted[j], book)
        if units > 0.0:
            price = growth_price(i, j, np.sign(wanted[j]), units, market, rules)
            total += margin_cost(units, price, rules)
    return total


@inlined
def grow_by(i: int, j: int, wanted: float, scale: float, market: Market, rules: Rules, book: Book) -> None:
    """Bring position j to `wanted` units, cut by `scale`, by what is free and by the bar's volume; note a cut."""
    asked = growth(j, wanted, book)
    if asked <= 0.0:
        return
    side = np.sign(wanted)
    if book.account[IS_RUINED] != 0.0:
        note(i, j, side, asked, 0.0, RUINED, book)
        return
    units, reason = asked, -1
    if scale < 1.0:
        units, reason = lots_below(asked * scale, rules.lot_step), SHRUNK_TO_CASH
    price = growth_price(i, j, side, units, market, rules)
    payable = affordable(free_margin(book, rules), price, rules)
    if payable < units:
        units, reason = payable, SHRUNK_TO_CASH if payable > 0.0 else NO_CASH
    largest = largest_fill(i, j, rules, market)
    if units > largest:
        units, reason = lots_below(largest, rules.lot_step), VOLUME
    if units * price < rules.min_notional and units > 0.0:
        units, reason = 0.0, BELOW_MIN_NOTIONAL
    if reason >= 0:
        note(i, j, side, asked, units, reason, book)
    if units > 0.0:
        price = growth_price(i, j, side, units, market, rules)
        grow(i, j, side, units, price, market, rules, book)


@inlined
def rebalance(i: int, wanted: FloatArray, market: Market, rules: Rules, book: Book) -> None:
    """Send the orders of a rebalance at the open of bar i: sizes from the equity at that open.

    1. What shrinks is sold, or bought back.
    2. What grows is cut by one common factor to what is free then, so that no symbol comes first.
    """
    if book.account[WAITING] == 0.0 or aim(i, wanted, market, rules, book) == 0:
        return
    for j in range(wanted.size):
        if not np.isnan(wanted[j]):
            shrink(i, j, wanted[j], market, rules, book)
    cost, free = growth_cost(i, wanted, market, rules, book), free_margin(book, rules)
    scale = max(0.0, free) / cost if cost > free else 1.0
    for j in range(wanted.size):
        grow_by(i, j, wanted[j], scale, market, rules, book)
