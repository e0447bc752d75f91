"""What a backtest answers."""

from __future__ import annotations

from dataclasses import dataclass

from market_data.bars import FloatArray, IntArray
from market_data.timeframe import Timeframe
from strategy_engine.account import Account
from strategy_engine.costs import Costs
from strategy_engine.equity_curve import EquityCurve, thin
from strategy_engine.fill_profile import FillProfile
from strategy_engine.market_view import Strategy
from strategy_engine.metrics import Metrics
from strategy_engine.trades import Trades


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacktestReport:
    """The result, and beside the bars themselves all it takes to get it again.

    time: int64 ns UTC of each bar's open, shape (n,). equity: currency at each bar's close, shape (n,),
    read-only. rejected_orders: entries that could not buy one lot. periods_per_year: by which the metrics are
    annualised.
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
    trades: Trades
    metrics: Metrics
    rejected_orders: int

    def equity_curve(self, max_points: int = 500) -> EquityCurve:
        """Return the equity in at most `max_points` points; see `equity_curve.thin` for which are kept."""
        return thin(self.time, self.equity, max_points=max_points)
