"""The breakout of a price channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le

from market_data.bounds import settle
from strategy_engine.strategies.direction import Direction, directed

if TYPE_CHECKING:
    from strategy_engine.market_view import MarketView
    from strategy_engine.signals import Signals


@dataclass(frozen=True, kw_only=True)
class Donchian:
    """Long from a new high until a new low, short from a new low until a new high.

    Buys when the close is above the highest high of the `entry` bars before it, and sells when it is below the
    lowest low of the `exit` bars before it; sells short on the mirror image. Source: Donchian (1960), "High
    Finance in Copper", Financial Analysts Journal 16(6), whose four-week rule is 20 bars of a day for both.
    """

    entry: Annotated[int, Ge(2), Le(400)] = 20
    exit: Annotated[int, Ge(1), Le(400)] = 20
    direction: Direction = "long_only"
    kind: Literal["donchian"] = "donchian"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        high, low = view.before(view.high), view.before(view.low)
        return directed(
            view,
            self.direction,
            entries=view.close > view.highest(high, self.entry),
            exits=view.close < view.lowest(low, self.exit),
            short_entries=view.close < view.lowest(low, self.entry),
            short_exits=view.close > view.highest(high, self.exit),
        )
