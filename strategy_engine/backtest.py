"""Runs one strategy over one series of bars."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from market_data.bars import Bars
from market_data.errors import require
from strategy_engine.account import Account
from strategy_engine.costs import Costs
from strategy_engine.exposure import gross_exposure
from strategy_engine.fill_profile import FILL_PROFILES, FillProfile
from strategy_engine.fill_rules import FillProfile
from strategy_engine.market_view import MarketView, Strategy
from strategy_engine.measure import TradeFigures, measure
from strategy_engine.periods import PERIODS_PER_YEAR
from strategy_engine.report import BacktestReport
from strategy_engine.signals import Signals
from strategy_engine.simulate import Ledger, simulate
from strategy_engine.trades import Trades
from strategy_engine.version import ENGINE_VERSION

FEWEST_BARS: Final = 2
DEFAULT_ACCOUNT: Final = Account()
FREE_OF_COST: Final = Costs()


def run(
    bars: Bars,
    strategy: Strategy,
    *,
    account: Account = DEFAULT_ACCOUNT,
    costs: Costs = FREE_OF_COST,
    fill_profile: FillProfile = "next_open",
    periods_per_year: float | None = None,
) -> BacktestReport:
    """Return the report of `strategy` trading `bars` long-only with all its cash.

    Decisions are made at each close and fill at the next open; see `simulate` for the steps. Bars fewer than
    a strategy's warm-up are no error: nothing is decided, nothing is traded, and the equity stays the initial
    cash. periods_per_year: bars a year, by which metrics are annualised; by default that of US equities
    (`periods`). Raises DomainError for fewer than 2 bars, an unknown fill profile or periods that are not a
    number > 0.
    """
    _require_runnable(bars, fill_profile)
    yearly = _periods_per_year(bars, periods_per_year)
    view = MarketView(bars)
    signals = strategy.signals(view)
    require(signals.short_entries is None, "this simulator knows long positions only; direction was another")
    ledger = _simulated(view, signals, account, costs)
    trades = Trades.from_ledger(ledger, bars=bars, costs=costs)
    exposure = gross_exposure(ledger.entry_bar, ledger.exit_bar, ledger.size, trades.is_open, view.close, ledger.equity)
    benchmark = view.close / view.close[0]
    for column in (exposure, benchmark):
        column.flags.writeable = False
    return BacktestReport(
        engine_version=ENGINE_VERSION,
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        strategy=strategy,
        account=account,
        costs=costs,
        fill_profile=fill_profile,
        periods_per_year=yearly,
        time=bars.time,
        equity=ledger.equity,
        exposure=exposure,
        benchmark=benchmark,
        trades=trades,
        metrics=measure(
            equity=ledger.equity,
            cash=account.cash,
            trades=_figures(ledger, trades),
            gross_exposure=exposure,
            benchmark=benchmark,
            periods_per_year=yearly,
        ),
        rejected_orders=ledger.rejected_orders,
    )


def _require_runnable(bars: Bars, fill_profile: FillProfile) -> None:
    require(len(bars) >= FEWEST_BARS, f"a backtest needs at least {FEWEST_BARS} bars, was given {len(bars)}")
    require(
        fill_profile == "next_open",
        f"fill_profile must be next_open, was {fill_profile!r}",
    )


def _periods_per_year(bars: Bars, given: float | None) -> float:
    if given is None:
        return PERIODS_PER_YEAR[bars.timeframe]
    require(math.isfinite(given) and given > 0.0, f"periods_per_year must be a finite number > 0, was {given}")
    return float(given)


def _simulated(view: MarketView, signals: Signals, account: Account, costs: Costs) -> Ledger:
    ledger = simulate(
        view.open,
        view.close,
        signals.entries,
        signals.exits,
        account.cash,
        costs.commission_rate,
        account.lot_step,
    )
    ledger.equity.flags.writeable = False
    return ledger


def _figures(ledger: Ledger, trades: Trades) -> TradeFigures:
    bought = ledger.size * ledger.entry_price
    sold = np.where(trades.is_open, 0.0, ledger.size * ledger.exit_price)
    return TradeFigures(
        bars_held=ledger.exit_bar - ledger.entry_bar,
        exit_bar=ledger.exit_bar,
        traded=bought + sold,
        fees=trades.fees,
        pnl=trades.pnl,
        return_frac=trades.return_frac,
        is_open=trades.is_open,
    )
