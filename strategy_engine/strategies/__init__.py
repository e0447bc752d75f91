"""The strategies: one file and one line of the table each. Parameters only; loads nothing numerical."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from strategy_engine.strategies.buy_and_hold import BuyAndHold
from strategy_engine.strategies.rsi_reversion import RsiReversion
from strategy_engine.strategies.sma_cross import SmaCross

__all__ = ["STRATEGIES", "AnyStrategy", "BuyAndHold", "RsiReversion", "SmaCross"]

# Told apart by `kind`.
AnyStrategy = SmaCross | RsiReversion | BuyAndHold

STRATEGIES: Final[Mapping[str, type[AnyStrategy]]] = {
    "sma_cross": SmaCross,
    "rsi_reversion": RsiReversion,
    "buy_and_hold": BuyAndHold,
}
