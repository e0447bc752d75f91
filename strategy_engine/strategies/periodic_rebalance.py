"""The same shares, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Le

from market_data.bounds import settle
from strategy_engine.strategies.symbol_count import SymbolCount

if TYPE_CHECKING:
    from strategy_engine.universe_view import UniverseView
    from strategy_engine.weights import Weights


@dataclass(frozen=True, kw_only=True)
class PeriodicRebalance:
    """Holds all symbols of a universe in fixed proportions, and restores these from time to time.

    Every `rebalance_bars` bars `gross_frac` of the equity is spread over all symbols that have a price. By
    `weighting`, each gets the same, or all that have so many get a share in inverse proportion to the standard
    deviation of their last `window` returns. The rest stays cash. Source: DeMiguel, Garlappi and Uppal (2009),
    "Optimal Versus Naive Diversification", Review of Financial Studies 22(5).
    """

    weighting: Literal["equal", "inverse_volatility"] = "equal"
    window: Annotated[int, Ge(2), Le(2_000)] = 63
    gross_frac: Annotated[float, Gt(0.0), Le(10.0)] = 1.0
    rebalance_bars: Annotated[int, Ge(1), Le(400)] = 21
    kind: Literal["periodic_rebalance"] = "periodic_rebalance"

    symbols = SymbolCount(fewest=2)

    def __post_init__(self) -> None:
        settle(self)

    def weights(self, universe: UniverseView) -> Weights:
        self.symbols.check(self.kind, len(universe.symbols))
        if self.weighting == "equal":
            shares, first = universe.equal_shares(), 0
        else:
            shares, first = universe.inverse_volatility_shares(self.window), self.window
        rebalance = universe.every(self.rebalance_bars, first=first)
        return universe.weights(target=self.gross_frac * shares, rebalance=rebalance)
