"""The same orders in backtesting.py, in vectorbt and here, as tables of closed trades. Both are oracles of tests only.

Signals are decided at each close and fill at the next open. Nothing is decided before bar `FIRST`, where the first
indicator of a backtesting.py strategy would begin. Only stops and targets leave where there are any.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from market_data.bars import Bars
from strategy_engine import Account, Costs, Exits, FillRules, FixedUnits, FractionDistance, run

with warnings.catch_warnings():
    # Each warns on import of what it wants of Jupyter or of pandas: not ours to answer.
    warnings.simplefilter("ignore")
    import vectorbt
    from backtesting import Backtest, Strategy

FIRST = 20
CASH = 1_000_000.0
UNITS = 10.0
COLUMNS = ["entry_bar", "exit_bar", "size", "entry_price", "exit_price", "pnl"]


@dataclass(frozen=True)
class Case:
    """entries, exits: of long positions; short ones mirror them. stop, target, trail: fractions, 0 for none."""

    entries: np.ndarray
    exits: np.ndarray
    side: int = 1
    is_reversing: bool = False
    stop: float = 0.0
    target: float = 0.0
    trail: float = 0.0
    fee: float = 0.0


def ours(bars: Bars, case: Case, *, profile: str) -> pd.DataFrame:
    def distance(frac):
        return FractionDistance(frac=frac) if frac > 0.0 else None

    report = run(
        bars,
        OurOrders(case),
        account=Account(cash=CASH),
        costs=Costs(commission_rate=case.fee),
        sizing=FixedUnits(units=UNITS),
        exits=Exits(
            stop_loss=distance(case.stop), take_profit=distance(case.target), trailing_stop=distance(case.trail)
        ),
        fills=FillRules(profile=profile),
    )
    trades = report.trades
    closed = ~trades.is_open
    sign = np.where(trades.side == "long", 1.0, -1.0)
    columns = [
        np.searchsorted(bars.time, trades.entry_time),
        np.searchsorted(bars.time, trades.exit_time),
        sign * trades.size,
        trades.entry_price,
        trades.exit_price,
        trades.pnl,
    ]
    return pd.DataFrame({name: column[closed] for name, column in zip(COLUMNS, columns, strict=True)})


class OurOrders:
    def __init__(self, case: Case) -> None:
        self.case = case

    def signals(self, view):
        case = self.case
        if case.is_reversing:
            return view.signals(
                entries=case.entries, exits=case.exits, short_entries=case.exits, short_exits=case.entries
            )
        if case.side > 0:
            return view.signals(entries=case.entries, exits=case.exits)
        return view.signals(
            entries=view.never(), exits=view.never(), short_entries=case.entries, short_exits=case.exits
        )


def backtesting_py(bars: Bars, case: Case) -> pd.DataFrame:
    frame = bars.to_pandas().rename(columns=str.title).tz_localize(None)
    with warnings.catch_warnings():
        # It tells in words what the comparison knows: trades that remain open, pandas' renamed attributes.
        warnings.simplefilter("ignore")
        engine = Backtest(frame, TheirOrders, cash=CASH, commission=case.fee, finalize_trades=False)
        trades = engine.run(case=case)["_trades"]
    names = ["EntryBar", "ExitBar", "Size", "EntryPrice", "ExitPrice", "PnL"]
    return trades[names].set_axis(COLUMNS, axis=1).sort_values("entry_bar").reset_index(drop=True).astype(float)


class TheirOrders(Strategy):
    case: Case | None = None

    def init(self):
        self.best = np.nan

    def next(self):
        case, bar = self.case, len(self.data) - 1
        if self.position:
            if case.is_reversing:
                self.reverse(bar)
            elif case.stop > 0.0 or case.trail > 0.0:
                self.protect(bar)
            elif case.exits[bar]:
                self.position.close()
        elif case.entries[bar] and not case.exits[bar]:
            (self.buy if case.side > 0 else self.sell)(size=UNITS)
        elif case.is_reversing and case.exits[bar] and not case.entries[bar]:
            self.sell(size=UNITS)

    def reverse(self, bar):
        case = self.case
        if case.entries[bar] == case.exits[bar]:
            return
        if self.position.is_long and case.exits[bar]:
            self.position.close()
            self.sell(size=UNITS)
        elif self.position.is_short and case.entries[bar]:
            self.position.close()
            self.buy(size=UNITS)

    def protect(self, bar):
        """Set what stands from the next bar on, as vectorbt does."""
        case, trade = self.case, self.trades[0]
        price, side = trade.entry_price, case.side
        if trade.entry_bar == bar:
            self.best = price
            trade.sl = price * (1.0 - side * (case.stop or case.trail))
            if case.target > 0.0:
                trade.tp = price * (1.0 + side * case.target)
        elif case.trail > 0.0:
            reached = self.data.High[-1] if side > 0 else self.data.Low[-1]
            self.best = max(self.best, reached) if side > 0 else min(self.best, reached)
            trade.sl = self.best * (1.0 - side * case.trail)


def vectorbt_trades(bars: Bars, case: Case) -> pd.DataFrame:
    def later(flags):
        return pd.Series(np.concatenate(([False], flags[:-1])))

    never = np.zeros(len(bars), np.bool_)
    entries, exits = later(case.entries), later(case.exits)
    sides = {"entries": entries, "exits": exits}
    if case.is_reversing:
        sides = {"entries": entries, "exits": later(never), "short_entries": exits, "short_exits": later(never)}
    elif case.side < 0:
        sides = {"entries": later(never), "exits": later(never), "short_entries": entries, "short_exits": exits}
    stops = {}
    if case.stop > 0.0 or case.trail > 0.0:
        stops = {
            "sl_stop": case.stop or case.trail,
            "sl_trail": case.trail > 0.0,
            "tp_stop": case.target or np.nan,
            "stop_entry_price": "fillprice",
            "stop_exit_price": "stoplimit",
        }
    columns = {name: pd.Series(np.asarray(getattr(bars, name))) for name in ("open", "high", "low", "close")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        portfolio = vectorbt.Portfolio.from_signals(
            columns["close"],
            **sides,
            **stops,
            open=columns["open"],
            high=columns["high"],
            low=columns["low"],
            price=columns["open"],
            size=UNITS,
            fees=case.fee,
            init_cash=CASH,
            upon_opposite_entry="reverse",
            accumulate=False,
            freq="1D",
        )
        records = portfolio.exit_trades.records
    closed = records[records["status"] == 1]
    sign = np.where(closed["direction"] == 0, 1.0, -1.0)
    table = closed[["entry_idx", "exit_idx", "size", "entry_price", "exit_price", "pnl"]].set_axis(COLUMNS, axis=1)
    return table.assign(size=sign * table["size"]).reset_index(drop=True).astype(float)
