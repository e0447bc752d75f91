"""What happens inside one bar: the parts it is read in, and the tests over each. Compiled."""

from __future__ import annotations

from market_data.kernels import inlined, inner
from strategy_engine.simulation.entry_orders import enter_by_price
from strategy_engine.simulation.inputs import Book, Market, Rules
from strategy_engine.simulation.layout import (
    CLOSE,
    END_LOWER,
    ENTRY_BAR,
    FIRST_LOWER,
    HIGH,
    LEAVE,
    LOW,
    LOWER_BARS,
    NEXT_OPEN,
    OHLC_PATH,
    OPEN,
    SIDE,
    SIZE,
    VECTORBT,
)
from strategy_engine.simulation.protection import protect


@inner
def walk_part(
    i: int, j: int, start: float, high: float, low: float, end: float, market: Market, rules: Rules, book: Book
) -> None:
    """Test the orders of symbol j over one part of bar i: those of a position that is held, else of an entry."""
    size = book.lines[j, SIZE]
    if size == 0.0:
        enter_by_price(i, j, start, high, low, end, market, rules, book)
    elif book.lines[j, LEAVE] == 0.0:  # else it waits for volume, and for nothing else
        is_new = book.lines[j, ENTRY_BAR] == i
        if not (is_new and rules.profile == VECTORBT):
            worst = low if size > 0.0 else high
            best = high if size > 0.0 else low
            protect(i, j, start, worst, best, market, rules, book)


@inlined
def walk_path(i: int, j: int, market: Market, rules: Rules, book: Book) -> None:
    """Test bar i in three straight pieces: open, the nearer of high and low, the other, close."""
    start, high, low, end = (
        market.bars[OPEN, i, j],
        market.bars[HIGH, i, j],
        market.bars[LOW, i, j],
        market.bars[CLOSE, i, j],
    )
    is_high_first = high - start < start - low
    first = high if is_high_first else low
    second = low if is_high_first else high
    walk_part(i, j, start, max(start, first), min(start, first), first, market, rules, book)
    walk_part(i, j, first, high, low, second, market, rules, book)
    walk_part(i, j, second, max(second, end), min(second, end), end, market, rules, book)


@inlined
def walk_lower_bars(i: int, j: int, market: Market, rules: Rules, book: Book) -> None:
    """Test bar i by its bars of a lower timeframe, one after the other."""
    for k in range(int(market.bars[FIRST_LOWER, i, j]), int(market.bars[END_LOWER, i, j])):
        walk_part(
            i, j, market.lower[0, k], market.lower[1, k], market.lower[2, k], market.lower[3, k], market, rules, book
        )


@inner
def walk(i: int, j: int, market: Market, rules: Rules, book: Book) -> None:
    """Test the orders of symbol j inside bar i, by the rule for what came first."""
    if book.lines[j, SIZE] == 0.0 and book.lines[j, SIDE] == 0.0:
        return
    if rules.same_bar == OHLC_PATH and rules.profile == NEXT_OPEN:
        walk_path(i, j, market, rules, book)
    elif rules.same_bar == LOWER_BARS and market.bars[END_LOWER, i, j] > market.bars[FIRST_LOWER, i, j]:
        walk_lower_bars(i, j, market, rules, book)
    else:
        walk_part(
            i,
            j,
            market.bars[OPEN, i, j],
            market.bars[HIGH, i, j],
            market.bars[LOW, i, j],
            market.bars[CLOSE, i, j],
            market,
            rules,
            book,
        )
