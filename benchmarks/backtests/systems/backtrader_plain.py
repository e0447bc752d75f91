"""backtrader (GPL: a peer to measure, never a part of the product), without analyzers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import backtrader as bt
import numpy as np
import pandas as pd

from benchmarks.backtests.work import CASH, FAST, SLOW, Outcome, Work


@dataclass
class Fills:
    entries: list[tuple[int, float, float]] = field(default_factory=list)
    exits: list[tuple[int, float]] = field(default_factory=list)
    final_equity: float = 0.0


class Cross(bt.Strategy):
    params = (("fee", 0.0), ("fills", None))

    def __init__(self) -> None:
        fast, slow = bt.indicators.SMA(period=FAST), bt.indicators.SMA(period=SLOW)
        self.cross = bt.indicators.CrossOver(fast, slow)

    def notify_order(self, order: bt.Order) -> None:
        if order.status != order.Completed:
            return
        bar, done = len(self) - 1, order.executed
        if order.isbuy():
            self.p.fills.entries.append((bar, done.size, done.price))
        else:
            self.p.fills.exits.append((bar, done.price))

    def next(self) -> None:
        if not self.position and self.cross[0] > 0:
            # It sizes at the decision. Here the next open is this close, so that the whole cash is right.
            self.buy(size=int(self.broker.get_cash() / (self.data.close[0] * (1.0 + self.p.fee))))
        elif self.position and self.cross[0] < 0:
            self.close()


def prepared(work: Work) -> Callable[[], Fills]:
    columns = {"open": work.open, "high": work.high, "low": work.low, "close": work.close}
    frame = pd.DataFrame(columns, index=pd.to_datetime(work.time)).assign(volume=1.0)

    def backtest() -> Fills:
        fills = Fills()
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(bt.feeds.PandasData(dataname=frame, openinterest=None))
        cerebro.addstrategy(Cross, fee=work.fee, fills=fills)
        cerebro.broker.setcash(CASH)
        cerebro.broker.setcommission(commission=work.fee)
        cerebro.run()
        fills.final_equity = cerebro.broker.getvalue()
        return fills

    return backtest


def outcome(fills: Fills, work: Work) -> Outcome:
    del work
    count = len(fills.exits)
    entries = np.array(fills.entries[:count]).reshape(count, 3)
    exits = np.array(fills.exits).reshape(count, 2)
    return Outcome(entries[:, 0], exits[:, 0], entries[:, 1], entries[:, 2], exits[:, 1], fills.final_equity)
