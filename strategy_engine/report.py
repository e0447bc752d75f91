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
from strategy_engine.rejections import Rejections
from strategy_engine.risk_of_ruin import RiskOfRuin, risk_of_ruin
from strategy_engine.settings import Settings
from strategy_engine.trades import Trades
from strategy_engine.universe_view import PortfolioStrategy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacktestReport:
    """The result, and beside the bars themselves all it takes to get it again.

    symbols: in the order of their names. time: int64 ns UTC of each bar's open, shape (n,); of several
    symbols, every time at which one has a bar. equity: currency at each close. cash: what of it is not in
    positions; above the equity by the value of shorts. exposure: |value of positions| / equity, 0 where
    nothing is left. benchmark: what one unit of currency, spread evenly over the symbols at the first close of
    each, is worth. All of shape (n,), read-only. rejections: orders that did not fill as asked.
    ambiguous_bar_frac: fraction of bars that may have hit both the stop and a target of a position, where
    `same_bar` decided. interest: what idle cash has earned, in currency; no trade has it in its pnl.
    periods_per_year: by which the metrics are annualised.
    """

    engine_version: str
    symbols: tuple[str, ...]
    timeframe: Timeframe
    strategy: Strategy | PortfolioStrategy
    settings: Settings
    periods_per_year: float
    time: IntArray
    equity: FloatArray
    cash: FloatArray
    exposure: FloatArray
    benchmark: FloatArray
    trades: Trades
    rejections: Rejections
    ambiguous_bar_frac: float
    interest: float
    metrics: Metrics

    @property
    def symbol(self) -> str:
        """Return the symbol; of several, their names with commas between."""
        return ",".join(self.symbols)

    @property
    def account(self) -> Account:
        return self.settings.account

    @property
    def costs(self) -> Costs:
        return self.settings.costs

    @property
    def fill_profile(self) -> FillProfile:
        return self.settings.fills.profile

    @property
    def rejected_orders(self) -> int:
        """Return how many orders did not fill at all."""
        return int(np.count_nonzero(self.rejections.filled == 0.0))

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
