"""Going with a move that is out of the ordinary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Le

from market_data.bounds import settle
from strategy_engine.strategies.direction import Direction, directed

if TYPE_CHECKING:
    from strategy_engine.market_view import MarketView
    from strategy_engine.signals import Signals


@dataclass(frozen=True, kw_only=True)
class VolatilityBreakout:
    """Long from a rise of more than some average true ranges in one bar until such a fall, short from such a fall.

    Buys when the close is more than `multiple` average true ranges above the close before it, and sells when it
    is that much below; sells short on the mirror image. The range is the average over the `period` bars before,
    so that the move itself does not widen it. Source: Williams (1999), "Long-Term Secrets to Short-Term
    Trading"; on closes instead of a stop inside the bar.
    """

    period: Annotated[int, Ge(1), Le(200)] = 14
    multiple: Annotated[float, Gt(0.0), Le(20.0)] = 1.5
    direction: Direction = "long_only"
    kind: Literal["volatility_breakout"] = "volatility_breakout"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        before, reach = view.before(view.close), self.multiple * view.before(view.atr(self.period))
        up, down = view.close > before + reach, view.close < before - reach
        return directed(view, self.direction, entries=up, exits=down, short_entries=down, short_exits=up)
