"""Holding the winners of a universe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le

from market_data.bounds import settle
from market_data.errors import require
from strategy_engine.strategies.symbol_count import SymbolCount

if TYPE_CHECKING:
    from strategy_engine.universe_view import UniverseView
    from strategy_engine.weights import Weights


@dataclass(frozen=True, kw_only=True)
class MomentumRotation:
    """Holds those symbols of a universe that rose most, each with the same share of the equity.

    Every `rebalance_bars` bars symbols are ranked by their return from `lookback` bars ago to `skip` bars ago;
    the `top` best get 1 / top of the equity each. A symbol without that much history is not ranked; where fewer
    are, the rest stays cash. Leaving out the newest bars avoids the reversal of the last month. Source:
    Jegadeesh and Titman (1993), "Returns to Buying Winners and Selling Losers", Journal of Finance 48(1).
    """

    lookback: Annotated[int, Ge(2), Le(2_000)] = 252
    skip: Annotated[int, Ge(0), Le(400)] = 21
    top: Annotated[int, Ge(1), Le(1_000)] = 3
    rebalance_bars: Annotated[int, Ge(1), Le(400)] = 21
    kind: Literal["momentum_rotation"] = "momentum_rotation"

    symbols = SymbolCount(fewest=2)

    def __post_init__(self) -> None:
        settle(self)
        require(
            self.skip < self.lookback, f"skip must be below lookback, was {self.skip} with lookback {self.lookback}"
        )

    def weights(self, universe: UniverseView) -> Weights:
        self.symbols.check(self.kind, len(universe.symbols))
        gained = universe.momentum(self.lookback, self.skip)
        return universe.weights(
            target=universe.shares(universe.leaders(gained, self.top), self.top),
            rebalance=universe.every(self.rebalance_bars, first=self.lookback),
        )
