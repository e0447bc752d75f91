"""vectorbt: averages, crossings and orders, without its statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import vectorbt as vbt

from benchmarks.backtests.work import CASH, FAST, SLOW, Outcome, Work


def prepared(work: Work) -> Callable[[], vbt.Portfolio]:
    index = pd.to_datetime(work.time)
    open_, close = pd.Series(work.open, index), pd.Series(work.close, index)
    # A minute's bars: the frequency that its statistics annualise by.
    options = {"size_granularity": 1.0, "init_cash": CASH, "fees": work.fee, "freq": "1min"}

    def backtest() -> vbt.Portfolio:
        fast, slow = vbt.MA.run(close, FAST), vbt.MA.run(close, SLOW)
        # One bar later, at that bar's open: by itself it would fill at the close that decided.
        entries = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
        exits = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
        return vbt.Portfolio.from_signals(close, entries, exits, price=open_, **options)

    return backtest


def outcome(portfolio: vbt.Portfolio, work: Work) -> Outcome:
    del work
    records = portfolio.exit_trades.values
    closed = records[records["status"] == 1]
    columns = (np.ascontiguousarray(closed[name]) for name in ("entry_idx", "exit_idx", "size"))
    prices = (np.ascontiguousarray(closed[name]) for name in ("entry_price", "exit_price"))
    return Outcome(*columns, *prices, float(portfolio.final_value()))
