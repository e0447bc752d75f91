"""The strategies: one file and one line of the tables each. Parameters only; loads nothing numerical."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, get_args

from strategy_engine.strategies.bollinger_breakout import BollingerBreakout
from strategy_engine.strategies.bollinger_reversion import BollingerReversion
from strategy_engine.strategies.buy_and_hold import BuyAndHold
from strategy_engine.strategies.direction import Direction
from strategy_engine.strategies.directional_movement import DirectionalMovement
from strategy_engine.strategies.donchian import Donchian
from strategy_engine.strategies.dual_momentum import DualMomentum
from strategy_engine.strategies.ema_cross import EmaCross
from strategy_engine.strategies.keltner import Keltner
from strategy_engine.strategies.macd import MacdCross
from strategy_engine.strategies.momentum_rotation import MomentumRotation
from strategy_engine.strategies.opening_range import OpeningRange
from strategy_engine.strategies.pairs import Pairs
from strategy_engine.strategies.periodic_rebalance import PeriodicRebalance
from strategy_engine.strategies.rsi_reversion import RsiReversion
from strategy_engine.strategies.sma_cross import SmaCross
from strategy_engine.strategies.supertrend import Supertrend
from strategy_engine.strategies.symbol_count import SymbolCount
from strategy_engine.strategies.time_series_momentum import TimeSeriesMomentum
from strategy_engine.strategies.turtle import Turtle
from strategy_engine.strategies.volatility_breakout import VolatilityBreakout

__all__ = [
    "STRATEGIES",
    "AnyStrategy",
    "BollingerBreakout",
    "BollingerReversion",
    "BuyAndHold",
    "Direction",
    "DirectionalMovement",
    "Donchian",
    "DualMomentum",
    "EmaCross",
    "Keltner",
    "MacdCross",
    "MomentumRotation",
    "OpeningRange",
    "Pairs",
    "PeriodicRebalance",
    "RsiReversion",
    "SignalStrategy",
    "SmaCross",
    "Supertrend",
    "SymbolCount",
    "TimeSeriesMomentum",
    "Turtle",
    "UniverseStrategy",
    "VolatilityBreakout",
]

# Those that decide where one symbol is entered and left.
SignalStrategy = (
    SmaCross
    | EmaCross
    | MacdCross
    | RsiReversion
    | BollingerBreakout
    | BollingerReversion
    | Donchian
    | Turtle
    | Keltner
    | VolatilityBreakout
    | Supertrend
    | DirectionalMovement
    | TimeSeriesMomentum
    | OpeningRange
    | BuyAndHold
)

# Those that spread the equity over several symbols.
UniverseStrategy = MomentumRotation | DualMomentum | Pairs | PeriodicRebalance

# Told apart by `kind`.
AnyStrategy = SignalStrategy | UniverseStrategy

STRATEGIES: Final[Mapping[str, type[AnyStrategy]]] = {
    strategy.kind: strategy for strategy in (*get_args(SignalStrategy), *get_args(UniverseStrategy))
}
