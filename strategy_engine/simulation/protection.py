"""The orders that stand while a position is held: stop, target, ladder and trailing stop. Compiled.

They are tested over a part of time with an open, a high, a low and a close: a bar, a bar of a lower timeframe,
or a straight piece of the path that `ohlc_path` supposes. What is written here for a long position is mirrored
for a short one by `side`: `worst` is the extreme against it and `best` the one in its favour.
"""

from __future__ import annotations

import numpy as np

from market_data.kernels import inlined, inner
from strategy_engine.simulation.fills import aim_at_rung, leave_at_limit, leave_at_market
from strategy_engine.simulation.inputs import Book, Market, Rules
from strategy_engine.simulation.layout import (
    AMBIGUOUS,
    BACKTESTING_PY,
    BEST,
    BY_RUNG,
    BY_TARGET,
    BY_TRAIL,
    FIRST_RUNG,
    FIRST_SIZE,
    KIND,
    LAST_AMBIGUOUS,
    NEXT_OPEN,
    NEXT_RUNG,
    OF_PRICE,
    PRICE,
    RUNG,
    SHARE,
    SIZE,
    STOP,
    STOP_REASON,
    TARGET,
    TRAIL,
    TRAIL_DISTANCE,
    VALUE,
    VECTORBT,
)
from strategy_engine.simulation.sizes import whole_lots


@inlined
def is_reached(side: float, price: float, limit: float, rules: Rules) -> bool:
    """Return whether `price` is as far in the favour of `side` as `limit`; beyond it, if limits fill only through."""
    ahead = side * (price - limit)
    return ahead > 0.0 if rules.is_through else ahead >= 0.0


@inner
def mark_ambiguous(i: int, book: Book) -> None:
    """Count bar i as one that cannot tell whether stop or target came first."""
    if book.account[LAST_AMBIGUOUS] != i:
        book.account[AMBIGUOUS] += 1
        book.account[LAST_AMBIGUOUS] = i


@inner
def climb(i: int, j: int, side: float, start: float, best: float, market: Market, rules: Rules, book: Book) -> None:
    """Fill the rungs and the target that `best` reaches, each at its price or, where `start` is better, there."""
    position = book.lines[j]
    while position[SIZE] != 0.0:
        rung = position[NEXT_RUNG]
        if not is_reached(side, best, rung, rules):
            break
        last = position[RUNG] + 1.0 >= rules.rung_count and rules.ladder_leaves_all
        units = whole_lots(position[FIRST_SIZE] * rules.table[FIRST_RUNG + int(position[RUNG]), SHARE], rules.lot_step)
        units = abs(position[SIZE]) if last else min(units, abs(position[SIZE]))
        position[RUNG] += 1.0
        aim_at_rung(j, market, rules, book)
        price = start if side * (start - rung) > 0.0 else rung
        if units > 0.0:
            leave_at_limit(i, j, units, price, BY_RUNG, market, rules, book)
    if position[SIZE] != 0.0 and is_reached(side, best, position[TARGET], rules):
        price = start if side * (start - position[TARGET]) > 0.0 else position[TARGET]
        leave_at_limit(i, j, abs(position[SIZE]), price, BY_TARGET, market, rules, book)


@inner
def leave_at_stop(i: int, j: int, price: float, market: Market, rules: Rules, book: Book) -> None:
    """Leave all of position j at its stop, or at `price` where that is worse."""
    position = book.lines[j]
    reason = int(position[STOP_REASON])
    if rules.profile == VECTORBT:  # its stops do not slip
        leave_at_limit(i, j, abs(position[SIZE]), price, reason, market, rules, book)
    else:
        leave_at_market(i, j, abs(position[SIZE]), price, reason, market, rules, book)


@inner
def trail(j: int, side: float, best: float, rules: Rules, book: Book) -> None:
    """Move the trailing stop of position j after a price as good as `best`; it never moves back."""
    position = book.lines[j]
    if np.isnan(position[TRAIL]) or side * (best - position[BEST]) <= 0.0:
        return
    position[BEST] = best
    if rules.table[TRAIL_DISTANCE, KIND] == OF_PRICE:
        stop = best - side * best * rules.table[TRAIL_DISTANCE, VALUE]
    else:
        stop = best - side * position[TRAIL]
    if np.isnan(position[STOP]) or side * (stop - position[STOP]) > 0.0:
        position[STOP], position[STOP_REASON] = stop, BY_TRAIL


@inner
def protect(i: int, j: int, start: float, worst: float, best: float, market: Market, rules: Rules, book: Book) -> None:
    """Test what protects position j, held since before `start`, over a part of bar i.

    1. At the open: a stop that it is beyond fills there, else a rung or target that it is beyond.
    2. Then the stop, at its price, if the part reaches it; then rungs and target.
    3. The trailing stop moves for the next part.
    """
    position = book.lines[j]
    side = np.sign(position[SIZE])
    stop = position[STOP]
    if side * (start - stop) <= 0.0:
        leave_at_stop(i, j, start, market, rules, book)
        return
    is_stopped = side * (worst - stop) <= 0.0
    if is_stopped and (
        is_reached(side, best, position[TARGET], rules) or is_reached(side, best, position[NEXT_RUNG], rules)
    ):
        mark_ambiguous(i, book)
    if rules.profile == NEXT_OPEN:  # in the others a stop of this bar comes even before a target at its open
        climb(i, j, side, start, start, market, rules, book)
    if position[SIZE] != 0.0 and is_stopped:
        leave_at_stop(i, j, stop, market, rules, book)
        return
    if position[SIZE] != 0.0:
        climb(i, j, side, start, best, market, rules, book)
    if position[SIZE] != 0.0:
        trail(j, side, best, rules, book)


@inner
def protect_inside(
    i: int,
    j: int,
    start: float,
    worst: float,
    best: float,
    end: float,
    is_stop: bool,
    market: Market,
    rules: Rules,
    book: Book,
) -> None:
    """Test what protects a position that was entered inside this part, by a stop order if `is_stop`, else by a limit.

    A limit order fills on the way to the worst extreme, which therefore came after it, and a stop order on
    the way to the best one. The other extreme may have come before; only the end is surely later. What may
    have been counts against the position: a stop that only may be hit is, unless the part already opened
    beyond it; a target that only may be hit is not.
    """
    position = book.lines[j]
    if rules.profile == BACKTESTING_PY and not (is_stop and np.isnan(position[STOP])):
        return
    side = np.sign(position[SIZE])
    stop = position[STOP]
    surely_best = best if is_stop else max(side * end, side * position[PRICE]) * side
    is_touched = is_reached(side, best, position[TARGET], rules)
    is_stopped = side * (worst - stop) <= 0.0 and (
        not is_stop or side * (start - stop) > 0.0 or side * (end - stop) <= 0.0
    )
    surely_stopped = side * ((end if is_stop else worst) - stop) <= 0.0
    surely_touched = is_reached(side, surely_best, position[TARGET], rules)
    if is_stopped != surely_stopped or is_touched != surely_touched or (is_stopped and is_touched):
        mark_ambiguous(i, book)
    if is_stopped:
        leave_at_stop(i, j, stop, market, rules, book)
        return
    climb(i, j, side, position[PRICE], surely_best, market, rules, book)
    if position[SIZE] != 0.0:
        trail(j, side, surely_best, rules, book)
