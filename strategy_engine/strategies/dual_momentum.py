"""Holding the winners of a universe while they win at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le

from market_data.bounds import settle
from strategy_engine.strategies.symbol_count import SymbolCount

if TYPE_CHECKING:
    from strategy_engine.universe_view import UniverseView
    from strategy_engine.weights import Weights


@dataclass(frozen=True, kw_only=True)
class DualMomentum:
    """Holds those symbols of a universe that rose most, but only those that rose more than a hurdle.

    Every `rebalance_bars` bars symbols are ranked by their return over `lookback` bars; each of the `top` best
    whose return is above `hurdle_frac` gets 1 / top of the equity, and what is left stays cash. The hurdle is
    what cash would have earned in that time (0.02 = 2 %). Source: Antonacci (2014), "Dual Momentum Investing",
    whose relative and absolute momentum look back 12 months every month; in place of his bonds this holds cash.
    """

    lookback: Annotated[int, Ge(2), Le(2_000)] = 252
    top: Annotated[int, Ge(1), Le(1_000)] = 1
    hurdle_frac: Annotated[float, Ge(-1.0), Le(10.0)] = 0.0
    rebalance_bars: Annotated[int, Ge(1), Le(400)] = 21
    kind: Literal["dual_momentum"] = "dual_momentum"

    symbols = SymbolCount(fewest=2)

    def __post_init__(self) -> None:
        settle(self)

    def weights(self, universe: UniverseView) -> Weights:
        self.symbols.check(self.kind, len(universe.symbols))
        gained = universe.momentum(self.lookback)
        chosen = universe.leaders(gained, self.top) & (gained > self.hurdle_frac)
        return universe.weights(
            target=universe.shares(chosen, self.top),
            rebalance=universe.every(self.rebalance_bars, first=self.lookback),
        )
