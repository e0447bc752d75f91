"""The crossing of two exponential averages."""

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
class EmaCross:
    """Long while a fast exponential average of closes is above a slow one, short while it is below.

    Buys when the average over `fast` bars rises above the one over `slow`, having been at or below it one bar
    before; sells on the mirror image. Exponential averages turn sooner than simple ones of the same length.
    Source: Appel (2005), "Technical Analysis: Power Tools for Active Investors"; the lengths 12 and 26 are his.
    """

    fast: Annotated[int, Ge(2), Le(400)] = 12
    slow: Annotated[int, Ge(3), Le(400)] = 26
    direction: Direction = "long_only"
    kind: Literal["ema_cross"] = "ema_cross"

    def __post_init__(self) -> None:
        settle(self)
        require(self.fast < self.slow, f"fast must be below slow, was {self.fast} with slow {self.slow}")

    def signals(self, view: MarketView) -> Signals:
        fast, slow = view.ema(view.close, self.fast), view.ema(view.close, self.slow)
        up, down = view.crosses_above(fast, slow), view.crosses_below(fast, slow)
        return directed(view, self.direction, entries=up, exits=down, short_entries=down, short_exits=up)
