"""The trend system that was taught to the Turtles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Gt, Le

from market_data.bounds import settle
from market_data.errors import require
from strategy_engine.strategies.direction import Direction, directed

if TYPE_CHECKING:
    from strategy_engine.market_view import MarketView
    from strategy_engine.signals import Signals


@dataclass(frozen=True, kw_only=True)
class Turtle:
    """Long from a breakout with a stop at a multiple of the range, until a shorter channel breaks; short as well.

    Buys when the close is above the highest high of the `entry` bars before it, with a stop-loss `stop_atr`
    average true ranges (over `atr_period` bars) below that close. Sells at the stop, or when the close is below
    the lowest low of the `exit` bars before it; sells short on the mirror image. 20 and 10 bars are their first
    system, 55 and 20 their second. How much to buy is the backtest's `sizing`: theirs was a fixed risk for each
    trade. They also added to winners and skipped a breakout after a gain, which this does not. Source: Faith
    (2007), "Way of the Turtle".
    """

    entry: Annotated[int, Ge(2), Le(400)] = 20
    exit: Annotated[int, Ge(1), Le(400)] = 10
    atr_period: Annotated[int, Ge(1), Le(200)] = 20
    stop_atr: Annotated[float, Gt(0.0), Le(20.0)] = 2.0
    direction: Direction = "long_only"
    kind: Literal["turtle"] = "turtle"

    def __post_init__(self) -> None:
        settle(self)
        require(self.exit <= self.entry, f"exit must be at most entry, was {self.exit} with entry {self.entry}")

    def signals(self, view: MarketView) -> Signals:
        high, low = view.before(view.high), view.before(view.low)
        reach = self.stop_atr * view.atr(self.atr_period)
        is_known = reach > 0.0
        ups, downs = view.close > view.highest(high, self.entry), view.close < view.lowest(low, self.entry)
        return directed(
            view,
            self.direction,
            entries=ups & is_known,
            exits=view.close < view.lowest(low, self.exit),
            short_entries=downs & is_known,
            short_exits=view.close > view.highest(high, self.exit),
            stop_loss=view.prices(view.choose(downs, view.close + reach, view.close - reach)),
        )
