"""AITrader: the whole `run()` with signals, fills, equity, trades and all metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.backtests.work import CASH, FAST, SLOW, Outcome, Work
from market_data.bars import Bars
from strategy_engine import Account, BacktestReport, Costs, SmaCross, run


def prepared(work: Work) -> Callable[[], BacktestReport]:
    bars = bars_of(work)
    strategy, account, costs = SmaCross(fast=FAST, slow=SLOW), Account(cash=CASH), Costs(commission_rate=work.fee)
    return lambda: run(bars, strategy, account=account, costs=costs)


def outcome(report: BacktestReport, work: Work) -> Outcome:
    trades = report.trades.to_pandas()
    closed = trades[~trades["is_open"]]
    entry_bar, exit_bar = (
        np.searchsorted(work.time, closed[f"{side}_time"].to_numpy("datetime64[ns]").astype(np.int64))
        for side in ("entry", "exit")
    )
    prices = (closed[name].to_numpy() for name in ("size", "entry_price", "exit_price"))
    return Outcome(entry_bar, exit_bar, *prices, float(report.equity[-1]))


def bars_of(work: Work) -> Bars:
    return Bars.from_arrays(
        symbol="WALK",
        timeframe="1m",
        time=work.time,
        open=work.open,
        high=work.high,
        low=work.low,
        close=work.close,
        volume=np.ones(work.close.size),
    )
