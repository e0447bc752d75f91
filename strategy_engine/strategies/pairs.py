"""Two prices that go together, and come back together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Le

from market_data.bounds import settle
from market_data.errors import require
from strategy_engine.strategies.symbol_count import SymbolCount

if TYPE_CHECKING:
    from strategy_engine.universe_view import UniverseView
    from strategy_engine.weights import Weights


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Bets on the return of two symbols to each other when they have strayed.

    Of the two the first is the one whose name comes first, as a backtest orders them. The logarithm of its
    close is regressed on that of the second over the last `window` bars:
    the slope says how much of the second hedges the first, and the last residual, in standard deviations, how
    far they are apart. At `entry_z` and more it sells what is dear and buys what is cheap, 1 of the first
    against slope of the second, together `gross_frac` of the equity; it leaves at `exit_z` and less, and at
    `stop_z` and more, after which it waits for them to meet again. The weights stay as they were at entry. A
    slope that is not above 0 is no hedge: it leaves. Source: Gatev, Goetzmann and Rouwenhorst (2006), "Pairs
    Trading: Performance of a Relative-Value Arbitrage Rule", Review of Financial Studies 19(3); the hedge by
    regression after Vidyamurthy (2004), "Pairs Trading: Quantitative Methods and Analysis".
    """

    window: Annotated[int, Ge(3), Le(2_000)] = 60
    entry_z: Annotated[float, Gt(0.0), Le(10.0)] = 2.0
    exit_z: Annotated[float, Ge(0.0), Le(10.0)] = 0.5
    stop_z: Annotated[float, Gt(0.0), Le(100.0)] = 4.0
    gross_frac: Annotated[float, Gt(0.0), Le(10.0)] = 1.0
    kind: Literal["pairs"] = "pairs"

    symbols = SymbolCount(fewest=2, most=2)

    def __post_init__(self) -> None:
        settle(self)
        require(
            self.exit_z < self.entry_z < self.stop_z,
            "exit_z must be below entry_z and that below stop_z, "
            f"were {self.exit_z:g}, {self.entry_z:g} and {self.stop_z:g}",
        )

    def weights(self, universe: UniverseView) -> Weights:
        self.symbols.check(self.kind, len(universe.symbols))
        hedge = universe.hedge(self.window)
        side = universe.reversion_side(hedge, entry=self.entry_z, leave=self.exit_z, stop=self.stop_z)
        return universe.spread(side, hedge.ratio, gross=self.gross_frac)
