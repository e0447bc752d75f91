"""The breakout of a channel as wide as the market's range."""

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
class Keltner:
    """Long from a close above Keltner's channel until one below its middle, short from one below the channel.

    The channel stands `width` average true ranges (over `atr_period` bars) around the exponential average of
    closes over `period` bars. Buys when the close rises above it, having been within it one bar before; sells
    when it falls below the average; sells short on the mirror image. Source: Keltner (1960), "How to Make Money
    in Commodities"; in the form with exponential average and true range that Raschke made known.
    """

    period: Annotated[int, Ge(2), Le(400)] = 20
    atr_period: Annotated[int, Ge(1), Le(200)] = 10
    width: Annotated[float, Gt(0.0), Le(20.0)] = 2.0
    direction: Direction = "long_only"
    kind: Literal["keltner"] = "keltner"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        channel = view.keltner(self.period, self.atr_period, self.width)
        return directed(
            view,
            self.direction,
            entries=view.crosses_above(view.close, channel.upper),
            exits=view.crosses_below(view.close, channel.middle),
            short_entries=view.crosses_below(view.close, channel.lower),
            short_exits=view.crosses_above(view.close, channel.middle),
        )
