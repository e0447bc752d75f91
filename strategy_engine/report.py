"""What a backtest answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_data.bars import FloatArray, IntArray
from market_data.timeframe import Timeframe
from strategy_engine.account import Account
from strategy_engine.breakdowns import Breakdown, by_regime, by_year
from strategy_engine.costs import Costs
from strategy_engine.drawdowns import Drawdowns
from strategy_engine.equity_curve import EquityCurve, thin
from strategy_engine.fill_rules import FillProfile
from strategy_engine.market_view import Strategy
from strategy_engine.metrics import Metrics
from strategy_engine.monthly_returns import MonthlyReturns, monthly_returns
from strategy_engine.risk_of_ruin import RiskOfRuin, risk_of_ruin
from strategy_engine.trades import Trades


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacktestReport:
    """The result, and beside the bars themselves all it takes to get it again.

    time: int64 ns UTC of each bar's open. equity: currency at each bar's close. exposure: |value of positions| /
    equity at each close. benchmark: what one unit of currency in the symbol is worth at each close, the first close
    being 1. All of shape (n,), read-only. rejected_orders: entries that could not buy one lot. periods_per_year: by
    which the metrics are annualised.
    """

    engine_version: str
    symbol: str
    timeframe: Timeframe
    strategy: Strategy
    account: Account
    costs: Costs
    fill_profile: FillProfile
    periods_per_year: float
    time: IntArray
    equity: FloatArray
    exposure: FloatArray
    benchmark: FloatArray
    trades: Trades
    metrics: Metrics
    rejected_orders: int

    def equity_curve(self, max_points: int = 500) -> EquityCurve:
        """Return the equity in at most `max_points` points; see `equity_curve.thin` for which are kept."""
        return thin(self.time, self.equity, max_points=max_points)

    def drawdowns(self, at_most: int | None = None) -> Drawdowns:
        """Return the drawdowns in their order, or the `at_most` deepest, the deepest first."""
        return Drawdowns.of(self.time, self.equity, self.account.cash, at_most=at_most)

    def monthly_returns(self) -> MonthlyReturns:
        """Return the return of each calendar month that has a bar."""
        return monthly_returns(self.time, self.equity, self.account.cash)

    def by_year(self) -> Breakdown:
        """Return key figures of each calendar year."""
        return by_year(self.time, self.equity, self.account.cash, self.trades, periods_per_year=self.periods_per_year)

    def by_regime(self) -> Breakdown:
        """Return key figures of each regime of the benchmark; see `regimes` for what they are."""
        return by_regime(
            self.time,
            self.equity,
            self.account.cash,
            self.trades,
            close=self.benchmark,
            periods_per_year=self.periods_per_year,
        )

    def risk_of_ruin(self, *, seed: int, ruin_frac: float = 0.5, paths: int = 2_000) -> RiskOfRuin:
        """Return the chance to lose `ruin_frac` of the account, were the closed trades to come in any other order."""
        closed = ~self.trades.is_open
        entered = np.searchsorted(self.time, self.trades.entry_time[closed], side="right") - 1
        before = np.concatenate(([self.account.cash], self.equity))[entered]
        returns = np.divide(self.trades.pnl[closed], before, out=np.zeros(len(before)), where=before > 0.0)
        return risk_of_ruin(returns, seed=seed, ruin_frac=ruin_frac, paths=paths)
