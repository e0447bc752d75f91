"""The fill loop: decisions in, fills and equity out. Compiled.

For each bar i from 1 on (nothing can fill on bar 0, before the first decision):
1. What was decided at the close of bar i - 1 fills at the open of bar i. An exit sells the whole position;
   an entry spends all cash on whole lots, and is rejected if that is less than one.
2. Commission is paid on the traded value, at entry and at exit.
3. The account is marked at the close of bar i: equity[i] = balance + size * (close[i] - entry price),
   where the balance is the cash before the purchase less the entry's commission.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.kernels import BOOLS, FLOAT, FLOATS, kernel

# An order for all cash spends this fraction of it: the largest that lets no rounding of the price buy on
# credit. The same as in backtesting.py, so that sizes agree; 10,000 in cash buys 99 shares at 100.00, not
# 100.
ALL_CASH: Final = 1.0 - 2.0**-52


class Ledger(NamedTuple):
    """What happened: one row a trade in the order of entry, and the equity of each bar.

    entry_bar, exit_bar, size, entry_price, exit_price: shape (trades,); bars as indices, size in units, > 0.
    If `ends_open`, the last trade is still held: its exit is the last bar and that bar's close. equity: shape
    (n,), currency, at each close. rejected_bar, rejected_size: shape (rejections,), the bars whose open found
    too little cash for one lot, and how many units, commission left out, it would have bought.
    """

    entry_bar: IntArray
    exit_bar: IntArray
    size: FloatArray
    entry_price: FloatArray
    exit_price: FloatArray
    ends_open: bool
    equity: FloatArray
    rejected_bar: IntArray
    rejected_size: FloatArray


@kernel(FLOAT, FLOAT, FLOAT, FLOAT)
def all_cash_size(cash: float, price: float, commission_rate: float, lot_step: float) -> float:
    """Return how many units all of `cash` buys at `price` plus commission: a multiple of `lot_step`, or 0.

    Formula: floor(ALL_CASH * cash / (price * (1 + commission_rate)) / lot_step) * lot_step, and one lot less
    in the rare case that rounding makes even that cost more than `cash`.
    """
    # The commission of one unit is taken as backtesting.py takes it, rounding included.
    unit_cost = price + ALL_CASH * price * commission_rate / ALL_CASH
    lot_cost = unit_cost * lot_step
    if not lot_cost > 0.0:  # a lot so tiny that its cost underflows
        return 0.0
    size = (cash * ALL_CASH) // lot_cost * lot_step
    if size * price + size * price * commission_rate > cash:
        size -= lot_step
    return size if 0.0 < size < np.inf else 0.0


@kernel(FLOATS, FLOATS, BOOLS, BOOLS, FLOAT, FLOAT, FLOAT)
def simulate(  # noqa: PLR0917 -- a kernel takes its arguments by position
    open_price: FloatArray,
    close: FloatArray,
    entries: BoolArray,
    exits: BoolArray,
    cash: float,
    commission_rate: float,
    lot_step: float,
) -> Ledger:
    """Return the ledger of a long-only, all-cash account that fills at the next open.

    open_price, close: shape (n,), n >= 1, finite and > 0. entries, exits: shape (n,), decided at each close.
    cash: currency, > 0. commission_rate: fraction of the traded value. lot_step: units, > 0.
    """
    capacity = close.size // 2 + 1  # entry and exit fill on different bars
    entry_bar, exit_bar = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    size, entry_price, exit_price = np.empty(capacity), np.empty(capacity), np.empty(capacity)
    equity = np.empty(close.size)
    rejected_bar, rejected_size = np.empty(close.size, np.int64), np.empty(close.size)
    equity[0] = balance = cash
    held = held_price = 0.0
    trades = rejected = 0  # a trade is counted at its entry
    for i in range(1, close.size):
        price = open_price[i]
        if held > 0.0:
            if exits[i - 1]:
                balance += held * (price - held_price) - held * price * commission_rate
                exit_bar[trades - 1], exit_price[trades - 1] = i, price
                held = held_price = 0.0
        elif entries[i - 1] and not exits[i - 1]:
            held = all_cash_size(balance, price, commission_rate, lot_step)
            if held > 0.0:
                held_price = price
                balance -= held * price * commission_rate
                entry_bar[trades], size[trades], entry_price[trades] = i, held, price
                trades += 1
            else:
                rejected_bar[rejected], rejected_size[rejected] = i, max(0.0, balance) / price
                rejected += 1
        equity[i] = balance + held * (close[i] - held_price)
    if held > 0.0:
        exit_bar[trades - 1], exit_price[trades - 1] = close.size - 1, close[-1]
    # Copies, so that a result of two trades does not keep room for thousands.
    columns = entry_bar[:trades].copy(), exit_bar[:trades].copy(), size[:trades].copy()
    prices = entry_price[:trades].copy(), exit_price[:trades].copy()
    notes = rejected_bar[:rejected].copy(), rejected_size[:rejected].copy()
    return Ledger(*columns, *prices, held > 0.0, equity, *notes)
