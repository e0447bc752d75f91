"""A trailing line that the market changes sides of."""

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
class Supertrend:
    """Long while closes stay above a trailing line, short while they stay below it.

    The line trails `width` average true ranges (over `period` bars) behind the middle of the bars, and never
    moves back; where a close crosses it, it jumps to the other side. Buys where the side turns up, sells where
    it turns down. Source: Seban's Supertrend; the same idea as the volatility system of Wilder (1978), "New
    Concepts in Technical Trading Systems".
    """

    period: Annotated[int, Ge(1), Le(200)] = 10
    width: Annotated[float, Gt(0.0), Le(20.0)] = 3.0
    direction: Direction = "long_only"
    kind: Literal["supertrend"] = "supertrend"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        side = view.supertrend(self.period, self.width)
        before = view.before(side)
        up, down = (side > 0.0) & ~(before > 0.0), (side < 0.0) & ~(before < 0.0)
        return directed(view, self.direction, entries=up, exits=down, short_entries=down, short_exits=up)
