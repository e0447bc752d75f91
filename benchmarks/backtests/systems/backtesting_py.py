"""backtesting.py (AGPL: a peer to measure, never a part of the product). Its statistics are part of every run."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.backtests.work import CASH, FAST, SLOW, Outcome, Work

warnings.simplefilter("ignore")  # it warns of what is no fault here: an open trade, dear units
from backtesting import Backtest, Strategy  # noqa: E402 -- it warns when it is imported


class Cross(Strategy):
    def init(self) -> None:
        self.fast = self.I(rolling_mean, self.data.Close, FAST)
        self.slow = self.I(rolling_mean, self.data.Close, SLOW)

    def next(self) -> None:
        if self.fast[-2] <= self.slow[-2] and self.fast[-1] > self.slow[-1]:
            self.buy()
        elif self.fast[-2] >= self.slow[-2] and self.fast[-1] < self.slow[-1]:
            self.position.close()


def prepared(work: Work) -> Callable[[], pd.Series]:
    frame = pd.DataFrame(
        {"Open": work.open, "High": work.high, "Low": work.low, "Close": work.close}, index=pd.to_datetime(work.time)
    )
    return lambda: Backtest(frame, Cross, cash=CASH, commission=work.fee).run()


def outcome(stats: pd.Series, work: Work) -> Outcome:
    del work
    trades = stats["_trades"]
    columns = (trades[name].to_numpy() for name in ("EntryBar", "ExitBar", "Size", "EntryPrice", "ExitPrice"))
    return Outcome(*columns, float(stats["_equity_curve"]["Equity"].iloc[-1]))


def rolling_mean(values: np.ndarray, period: int) -> pd.Series:
    return pd.Series(values).rolling(period).mean()
