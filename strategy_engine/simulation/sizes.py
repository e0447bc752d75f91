"""How many units an entry is: what is asked, what can be paid, and what whole lots leave of it. Compiled."""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined, inner
from strategy_engine.simulate import all_cash_size
from strategy_engine.simulation.inputs import Book, Market, Rules
from strategy_engine.simulation.layout import (
    ALL_OF_CASH,
    BALANCE,
    BY_RISK,
    BY_VOLATILITY,
    CASH,
    DECIDED,
    FRACTION,
    KELLY,
    MARK,
    NO_STOP,
    NO_VOLATILITY,
    PRICE,
    ROW_ENTRY_FEE,
    ROW_ENTRY_PRICE,
    ROW_EXIT_FEE,
    ROW_EXIT_PRICE,
    ROW_SIZE,
    ROWS,
    SIDE,
    SIZE,
    SIZE_FRAC,
    UNITS,
    VECTORBT,
    VOLATILITY,
)
from strategy_engine.simulation.prices import commission


@inner
def whole_lots(units: float, lot_step: float) -> float:
    """Return `units` rounded down to a multiple of `lot_step`; 0.3 units are three lots of 0.1, not two."""
    lots = units / lot_step
    nearest = np.round(lots)
    if abs(lots - nearest) > 1e-9 * max(1.0, nearest):
        nearest = np.floor(lots)
    return nearest * lot_step


@inner
def lots_below(units: float, lot_step: float) -> float:
    """Return the largest multiple of `lot_step` that is not above `units`."""
    rounded = whole_lots(units, lot_step)
    return rounded if rounded <= units else max(0.0, rounded - lot_step)


@inner
def equity_now(book: Book) -> float:
    """Return the equity with every position at its mark."""
    equity = book.account[BALANCE]
    for j in range(book.lines.shape[0]):
        if book.lines[j, SIZE] != 0.0:
            equity += book.lines[j, SIZE] * (book.lines[j, MARK] - book.lines[j, PRICE])
    return equity


@inner
def free_margin(book: Book, rules: Rules) -> float:
    """Return the equity that no position ties up."""
    tied = 0.0
    for j in range(book.lines.shape[0]):
        tied += abs(book.lines[j, SIZE]) * book.lines[j, MARK]
    return equity_now(book) - tied / rules.leverage if tied > 0.0 else equity_now(book)


@inner
def margin_cost(size: float, price: float, rules: Rules) -> float:
    """Return what an order takes of the free margin: the margin itself and the commission."""
    return size * price / rules.leverage + commission(size, price, rules)


@inner
def affordable(free: float, price: float, rules: Rules) -> float:
    """Return the largest number of whole lots whose margin and commission `free` pays."""
    if not free > 0.0:
        return 0.0
    has_rate_only = rules.commission_fixed + rules.commission_per_unit + rules.commission_min == 0.0
    if has_rate_only and rules.tier_count == 0 and rules.leverage == 1.0:
        return all_cash_size(free, price, rules.commission_rate, rules.lot_step)
    fits = 0.0
    breaks = np.floor(free * rules.leverage / price / rules.lot_step) + 1.0
    if not breaks < np.inf:
        return 0.0
    while breaks - fits > 1.0:  # the cost rises with the size, so halving finds the last size that fits
        middle = np.floor((fits + breaks) / 2.0)
        if middle in (fits, breaks):
            break
        if margin_cost(middle * rules.lot_step, price, rules) <= free:
            fits = middle
        else:
            breaks = middle
    return fits * rules.lot_step


@inlined
def kelly_frac(book: Book, rules: Rules) -> float:
    """Return the fraction of equity that Kelly's formula puts into the next trade."""
    count = int(book.account[ROWS])
    if count < rules.kelly_lookback:
        return rules.kelly_start
    wins = losses = 0
    won = lost = 0.0
    for k in range(count - rules.kelly_lookback, count):
        row = book.rows[k]
        gain = row[ROW_SIZE] * (row[ROW_EXIT_PRICE] - row[ROW_ENTRY_PRICE]) - row[ROW_ENTRY_FEE] - row[ROW_EXIT_FEE]
        gain /= abs(row[ROW_SIZE]) * row[ROW_ENTRY_PRICE]
        if gain > 0.0:
            wins += 1
            won += gain
        elif gain < 0.0:
            losses += 1
            lost -= gain
    share = wins / rules.kelly_lookback
    edge = share
    if losses > 0:
        edge = share - (1.0 - share) * (lost / losses) / (won / wins) if wins > 0 else -1.0
    return min(rules.kelly_cap, max(rules.kelly_floor, rules.size_value * edge))


@inlined
def asked_units(j: int, price: float, risk: float, market: Market, rules: Rules, book: Book) -> float:
    """Return how many units the sizing asks for, not rounded; infinite for all cash, NaN where it cannot say.

    price: of the fill. risk: from there to the stop, per unit.
    """
    value = np.nan
    if book.lines[j, SIZE_FRAC] > 0.0:
        value = book.lines[j, SIZE_FRAC] * equity_now(book)
    elif rules.sizing == ALL_OF_CASH:
        value = np.inf
    elif rules.sizing == UNITS:
        return rules.size_value
    elif rules.sizing == CASH:
        value = rules.size_value
    elif rules.sizing == FRACTION:
        value = rules.size_value * equity_now(book)
    elif rules.sizing == KELLY:
        value = kelly_frac(book, rules) * equity_now(book)
    elif rules.sizing == BY_RISK:
        if risk > 0.0:
            value = rules.size_value * equity_now(book) / risk * price
    else:
        volatility = market.bars[VOLATILITY, int(book.lines[j, DECIDED]), j]
        if volatility > 0.0:
            value = rules.size_value * equity_now(book) / volatility
    return value / price


@inlined
def payable_units(j: int, price: float, rules: Rules, book: Book) -> float:
    """Return how many units the account can pay at `price`."""
    if rules.profile == VECTORBT and book.lines[j, SIDE] < 0.0 and rules.sizing != ALL_OF_CASH:
        return np.inf
    return affordable(free_margin(book, rules), price, rules)


@inner
def why_unsized(rules: Rules) -> int:
    """Return why a sizing could not say a size: a number of `layout`."""
    return NO_VOLATILITY if rules.sizing == BY_VOLATILITY else NO_STOP
