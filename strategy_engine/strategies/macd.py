"""The crossing of the MACD and its signal line."""

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
class MacdCross:
    """Long while the MACD is above its own average, short while it is below.

    The MACD is the average of closes over `fast` bars less that over `slow`, both exponential; its signal line
    is its own average over `signal` bars. Buys when the MACD rises above the line, having been at or below it
    one bar before; sells on the mirror image. Source: Appel (1979), "The Moving Average Convergence-Divergence
    Method".
    """

    fast: Annotated[int, Ge(2), Le(400)] = 12
    slow: Annotated[int, Ge(3), Le(400)] = 26
    signal: Annotated[int, Ge(1), Le(200)] = 9
    direction: Direction = "long_only"
    kind: Literal["macd"] = "macd"

    def __post_init__(self) -> None:
        settle(self)
        require(self.fast < self.slow, f"fast must be below slow, was {self.fast} with slow {self.slow}")

    def signals(self, view: MarketView) -> Signals:
        macd = view.macd(view.close, self.fast, self.slow, self.signal)
        up, down = view.crosses_above(macd.line, macd.signal), view.crosses_below(macd.line, macd.signal)
        return directed(view, self.direction, entries=up, exits=down, short_entries=down, short_exits=up)
