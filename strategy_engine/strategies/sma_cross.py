"""The crossing of two moving averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le

from market_data.bounds import settle
from market_data.errors import require
from strategy_engine.strategies.direction import Direction, directed

if TYPE_CHECKING:
    from strategy_engine.market_view import MarketView
    from strategy_engine.signals import Signals


@dataclass(frozen=True, kw_only=True)
class SmaCross:
    """Long while a fast average of closes is above a slow one, short while it is below.

    Buys when the fast average rises above the slow one, having been at or below it one bar before; sells on the
    mirror image. Both are simple averages over `fast` and `slow` bars. The oldest of trend rules; tested at
    length by Brock, Lakonishok and LeBaron (1992), "Simple Technical Trading Rules and the Stochastic
    Properties of Stock Returns", Journal of Finance 47(5).
    """

    fast: Annotated[int, Ge(2), Le(400)] = 10
    slow: Annotated[int, Ge(3), Le(400)] = 30
    direction: Direction = "long_only"
    kind: Literal["sma_cross"] = "sma_cross"

    def __post_init__(self) -> None:
        settle(self)
        require(self.fast < self.slow, f"fast must be below slow, was {self.fast} with slow {self.slow}")

    def signals(self, view: MarketView) -> Signals:
        fast, slow = view.sma(view.close, self.fast), view.sma(view.close, self.slow)
        up, down = view.crosses_above(fast, slow), view.crosses_below(fast, slow)
        return directed(view, self.direction, entries=up, exits=down, short_entries=down, short_exits=up)
