"""Backtests: pure functions from bars and parameters to a report. No clock, chance, file or network.

    report = run(bars, SmaCross(fast=10, slow=30), account=Account(cash=10_000.0),
    costs=Costs(commission_rate=0.001))

Parameters are imported at once and load nothing numerical, so the web process can know them. Whatever
computes is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from strategy_engine.account import Account
from strategy_engine.costs import CommissionTier, Costs
from strategy_engine.distance import AnyDistance, AnyTarget, AtrDistance, FractionDistance, RiskDistance
from strategy_engine.entry_order import AnyEntryOrder, LimitOrder, MarketOrder, StopLimitOrder, StopOrder
from strategy_engine.exits import Exits, Rung
from strategy_engine.fill_rules import FillProfile, FillRules
from strategy_engine.sizing import (
    AllCash,
    AnySizing,
    EquityFraction,
    FixedCash,
    FixedUnits,
    KellyFraction,
    RiskPerTrade,
    VolatilityTarget,
)
from strategy_engine.slippage import AnySlippage, FixedSlippage, NoSlippage, VolatilitySlippage, VolumeShareSlippage
from strategy_engine.strategies import STRATEGIES, AnyStrategy, BuyAndHold, RsiReversion, SmaCross
from strategy_engine.version import ENGINE_VERSION

if TYPE_CHECKING:
    from strategy_engine.backtest import run
    from strategy_engine.breakdowns import Breakdown
    from strategy_engine.drawdowns import Drawdowns
    from strategy_engine.equity_curve import EquityCurve
    from strategy_engine.market_view import MarketView, Strategy
    from strategy_engine.metrics import Metrics
    from strategy_engine.monthly_returns import MonthlyReturns
    from strategy_engine.rejections import Rejections
    from strategy_engine.report import BacktestReport
    from strategy_engine.risk_of_ruin import RiskOfRuin
    from strategy_engine.sharpe_tests import deflated_sharpe, probabilistic_sharpe
    from strategy_engine.signals import Signals
    from strategy_engine.trades import Trades
    from strategy_engine.universe_view import UniverseView
    from strategy_engine.warmup import warm
    from strategy_engine.weights import Weights

__all__ = [
    "ENGINE_VERSION",
    "STRATEGIES",
    "Account",
    "AllCash",
    "AnyDistance",
    "AnyEntryOrder",
    "AnySizing",
    "AnySlippage",
    "AnyStrategy",
    "AnyTarget",
    "AtrDistance",
    "BacktestReport",
    "Breakdown",
    "BuyAndHold",
    "CommissionTier",
    "Costs",
    "Drawdowns",
    "EquityCurve",
    "EquityFraction",
    "Exits",
    "FillProfile",
    "FillRules",
    "FixedCash",
    "FixedSlippage",
    "FixedUnits",
    "FractionDistance",
    "KellyFraction",
    "LimitOrder",
    "MarketOrder",
    "MarketView",
    "Metrics",
    "MonthlyReturns",
    "NoSlippage",
    "Rejections",
    "RiskDistance",
    "RiskOfRuin",
    "RiskPerTrade",
    "RsiReversion",
    "Rung",
    "Signals",
    "SmaCross",
    "StopLimitOrder",
    "StopOrder",
    "Strategy",
    "Trades",
    "UniverseView",
    "VolatilitySlippage",
    "VolatilityTarget",
    "VolumeShareSlippage",
    "Weights",
    "deflated_sharpe",
    "probabilistic_sharpe",
    "run",
    "warm",
]

_COMPUTING: Final = {
    "BacktestReport": "report",
    "Breakdown": "breakdowns",
    "Drawdowns": "drawdowns",
    "EquityCurve": "equity_curve",
    "MarketView": "market_view",
    "Metrics": "metrics",
    "MonthlyReturns": "monthly_returns",
    "Rejections": "rejections",
    "RiskOfRuin": "risk_of_ruin",
    "Signals": "signals",
    "Strategy": "market_view",
    "Trades": "trades",
    "UniverseView": "universe_view",
    "Weights": "weights",
    "deflated_sharpe": "sharpe_tests",
    "probabilistic_sharpe": "sharpe_tests",
    "run": "backtest",
    "warm": "warmup",
}


def __getattr__(name: str) -> object:
    if name not in _COMPUTING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_COMPUTING[name]}"), name)
