"""What a fill does to the account, to its position and to the record of both. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined, inner
from strategy_engine.simulation.inputs import Book, Market, Rules
from strategy_engine.simulation.layout import (
    AGE,
    BACKTESTING_PY,
    BALANCE,
    BELOW_LOT,
    BELOW_MIN_NOTIONAL,
    BEST,
    BY_REBALANCE,
    BY_RUNG,
    BY_STOP,
    BY_TRAIL,
    DECIDED,
    DECIDED_BAR,
    ENTRY_BAR,
    FEES,
    FIRST_RUNG,
    FIRST_SIZE,
    IS_FROM_OPEN,
    KIND,
    LEAVE,
    MARK,
    NEXT_RUNG,
    NO_CASH,
    NO_EDGE,
    NO_STOP,
    NOTE_ASKED,
    NOTE_BAR,
    NOTE_FILLED,
    NOTE_REASON,
    NOTE_SIDE,
    NOTE_SYMBOL,
    NOTES,
    OF_RISK,
    OPEN,
    OWN_STOP,
    OWN_TARGET,
    PRICE,
    RISK,
    ROW_ENTRY_BAR,
    ROW_ENTRY_FEE,
    ROW_ENTRY_PRICE,
    ROW_EXIT_BAR,
    ROW_EXIT_FEE,
    ROW_EXIT_PRICE,
    ROW_IS_FROM_OPEN,
    ROW_IS_OPEN,
    ROW_REASON,
    ROW_RISK,
    ROW_SIZE,
    ROW_SYMBOL,
    ROWS,
    RUNG,
    SHRUNK_TO_CASH,
    SIDE,
    SIZE,
    STOP,
    STOP_DISTANCE,
    STOP_REASON,
    TARGET,
    TARGET_DISTANCE,
    TRADED,
    TRAIL,
    TRAIL_DISTANCE,
    VOLUME,
)
from strategy_engine.simulation.prices import commission, distance, largest_fill, slip_frac
from strategy_engine.simulation.sizes import (
    asked_units,
    free_margin,
    lots_below,
    payable_units,
    whole_lots,
    why_unsized,
)


@inner
def note(i: int, j: int, side: float, asked: float, filled: float, reason: int, book: Book) -> None:
    """Write that an order did not fill as asked into the journal."""
    line = book.notes[int(book.account[NOTES])]
    line[NOTE_BAR], line[NOTE_SYMBOL], line[NOTE_SIDE] = i, j, side
    line[NOTE_ASKED], line[NOTE_FILLED], line[NOTE_REASON] = asked, filled, reason
    book.account[NOTES] += 1


@inner
def record(i: int, j: int, size: float, price: float, exit_fee: float, reason: int, book: Book) -> None:
    """Write `size` units, signed, of position j, left at `price`, as a row, with their share of its fees."""
    position, row = book.lines[j], book.rows[int(book.account[ROWS])]
    share = size / position[SIZE]
    row[ROW_SYMBOL], row[ROW_ENTRY_BAR], row[ROW_EXIT_BAR] = j, position[ENTRY_BAR], i
    row[ROW_SIZE], row[ROW_ENTRY_PRICE], row[ROW_EXIT_PRICE] = size, position[PRICE], price
    row[ROW_ENTRY_FEE], row[ROW_EXIT_FEE] = position[FEES] * share, exit_fee
    row[ROW_REASON], row[ROW_RISK] = reason, position[RISK]
    row[ROW_IS_FROM_OPEN], row[ROW_IS_OPEN] = position[IS_FROM_OPEN], 0.0
    book.account[ROWS] += 1


@inner
def leave(i: int, j: int, units: float, price: float, reason: int, rules: Rules, book: Book) -> None:
    """Leave `units`, > 0, of position j at `price`, which is final: slippage and spread are in it."""
    position = book.lines[j]
    size = units if position[SIZE] > 0.0 else -units
    exit_fee = commission(units, price, rules)
    record(i, j, size, price, exit_fee, reason, book)
    book.account[BALANCE] += size * (price - position[PRICE]) - exit_fee
    position[FEES] -= position[FEES] * (size / position[SIZE])
    position[SIZE] = position[SIZE] - size
    if position[SIZE] == 0.0:
        position[PRICE], position[FEES], position[LEAVE] = 0.0, 0.0, 0.0


@inner
def leave_at_market(
    i: int, j: int, units: float, price: float, reason: int, market: Market, rules: Rules, book: Book
) -> bool:
    """Leave `units` of position j near `price`; return whether all of them found a taker.

    What the bar's volume does not take stays an order at the next open.
    """
    position = book.lines[j]
    taken = units
    largest = largest_fill(i, j, rules, market)
    if taken > largest:
        taken = lots_below(largest, rules.lot_step)
        if reason != BY_REBALANCE:
            position[LEAVE] = reason
        note(i, j, -np.sign(position[SIZE]), units, taken, VOLUME, book)
    if taken > 0.0:
        worse = rules.exit_spread + slip_frac(i, j, taken, market, rules)
        side = np.sign(position[SIZE])
        leave(i, j, taken, price * (1.0 - side * worse), reason, rules, book)
    return taken == units


@inner
def leave_at_limit(
    i: int, j: int, units: float, price: float, reason: int, market: Market, rules: Rules, book: Book
) -> bool:
    """Leave `units` of position j at exactly `price`, as `leave_at_market` does."""
    position = book.lines[j]
    taken = units
    largest = largest_fill(i, j, rules, market)
    if taken > largest:
        taken = lots_below(largest, rules.lot_step)
        if reason != BY_RUNG:
            position[LEAVE] = reason
        note(i, j, -np.sign(position[SIZE]), units, taken, VOLUME, book)
    if taken > 0.0:
        leave(i, j, taken, price, reason, rules, book)
    return taken == units


@inner
def first_stop(j: int, side: float, price: float, market: Market, rules: Rules, book: Book) -> float:
    """Return where the stop of an entry at `price` stands, NaN for none: its own, the fixed or the trailing one."""
    order = book.lines[j]
    decided = int(order[DECIDED])
    stop = order[OWN_STOP]
    if np.isnan(stop):
        stop = price - side * distance(STOP_DISTANCE, price, np.nan, decided, j, market, rules)
    trail = price - side * distance(TRAIL_DISTANCE, price, np.nan, decided, j, market, rules)
    if np.isnan(stop) or side * (trail - stop) > 0.0:
        return trail
    return stop


@inner
def aim_at_rung(j: int, market: Market, rules: Rules, book: Book) -> None:
    """Write the price of the ladder's next rung for position j, NaN for none."""
    position = book.lines[j]
    rung = int(position[RUNG])
    position[NEXT_RUNG] = np.nan
    if rung < rules.rung_count and position[SIZE] != 0.0:
        decided, place = int(position[DECIDED_BAR]), FIRST_RUNG + rung
        away = distance(place, position[PRICE], position[RISK], decided, j, market, rules)
        position[NEXT_RUNG] = position[PRICE] + np.sign(position[SIZE]) * away


@inner
def enter(
    i: int,
    j: int,
    side: float,
    units: float,
    price: float,
    is_from_open: bool,
    market: Market,
    rules: Rules,
    book: Book,
) -> None:
    """Enter `units`, > 0, at `price`, which is final, and arm stop, target and trailing stop from there."""
    position = order = book.lines[j]
    decided = int(order[DECIDED])
    fee = commission(units, price, rules)
    book.account[BALANCE] -= fee
    stop = first_stop(j, side, price, market, rules, book)
    trail = distance(TRAIL_DISTANCE, price, np.nan, decided, j, market, rules)
    position[SIZE], position[PRICE], position[FEES], position[FIRST_SIZE] = side * units, price, fee, units
    position[ENTRY_BAR], position[AGE], position[RUNG], position[LEAVE] = i, 0.0, 0.0, 0.0
    position[STOP] = stop
    position[RISK] = side * (price - stop) if side * (price - stop) > 0.0 else np.nan
    position[STOP_REASON] = BY_TRAIL if stop == price - side * trail and np.isnan(order[OWN_STOP]) else BY_STOP
    position[BEST], position[TRAIL], position[MARK] = price, trail, price
    position[IS_FROM_OPEN], position[DECIDED_BAR] = 1.0 if is_from_open else 0.0, decided
    target = order[OWN_TARGET]
    if np.isnan(target):
        target = price + side * distance(TARGET_DISTANCE, price, position[RISK], decided, j, market, rules)
    position[TARGET] = target
    aim_at_rung(j, market, rules, book)


@inner
def aims_by_risk(risk: float, rules: Rules) -> bool:
    """Return whether a target is measured in a risk that there is none of."""
    if risk > 0.0:
        return False
    found = False
    for place in range(FIRST_RUNG + rules.rung_count):
        found |= rules.table[place, KIND] == OF_RISK
    return found


@inlined
def entry_units(i: int, j: int, price: float, risk: float, market: Market, rules: Rules, book: Book) -> float:
    """Return how many units of an entry at `price` fill; what is refused or cut is noted, and 0 is nothing."""
    side = book.lines[j, SIDE]
    asked = asked_units(j, price, risk, market, rules, book)
    if np.isnan(asked) or aims_by_risk(risk, rules):
        note(i, j, side, 0.0, 0.0, NO_STOP if aims_by_risk(risk, rules) else why_unsized(rules), book)
        return 0.0
    if asked <= 0.0:
        note(i, j, side, 0.0, 0.0, NO_EDGE, book)
        return 0.0
    payable = payable_units(j, price, rules, book)
    if asked == np.inf:
        wanted = payable
        asked = max(0.0, free_margin(book, rules)) * rules.leverage / price if payable == 0.0 else payable
    else:
        wanted = whole_lots(asked, rules.lot_step)
    if wanted <= 0.0:
        note(i, j, side, asked, 0.0, BELOW_LOT, book)
        return 0.0
    units = wanted
    reason = -1
    if payable < units:
        units = 0.0 if rules.profile == BACKTESTING_PY else payable
        reason = SHRUNK_TO_CASH if payable > 0.0 else NO_CASH
    largest = largest_fill(i, j, rules, market)
    if units > largest:
        units = lots_below(largest, rules.lot_step)
        reason = VOLUME
    if units > 0.0 and units * price < rules.min_notional:
        units = 0.0
        reason = BELOW_MIN_NOTIONAL
    if reason >= 0:
        note(i, j, side, asked, units, reason, book)
    return units


@inner
def try_entry(
    i: int, j: int, base: float, is_limit: bool, is_from_open: bool, market: Market, rules: Rules, book: Book
) -> bool:
    """Fill the order of symbol j at `base`, made worse by spread and slippage unless it is a limit.

    Returns whether anything filled. Either way the order is gone. The size is reckoned with the worst slip that it
    may have.
    """
    order = book.lines[j]
    side = order[SIDE]
    largest = largest_fill(i, j, rules, market)
    spread = rules.spread if not is_limit or rules.profile == BACKTESTING_PY else 0.0
    worst_slip = slip_frac(i, j, min(largest, market.bars[TRADED, i, j]), market, rules) if not is_limit else 0.0
    worst = base * (1.0 + side * (spread + worst_slip))
    risk = side * (worst - first_stop(j, side, worst, market, rules, book))
    units = entry_units(i, j, worst, risk, market, rules, book)
    if units > 0.0:
        slip = slip_frac(i, j, units, market, rules) if not is_limit else 0.0
        # Of the bar, not of a later part of it.
        is_at_open = is_from_open and base == market.bars[OPEN, i, j]
        enter(i, j, side, units, base * (1.0 + side * (spread + slip)), is_at_open, market, rules, book)
    order[SIDE] = 0.0
    return units > 0.0
