"""The yardstick of every other strategy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from market_data.bounds import settle

if TYPE_CHECKING:
    from strategy_engine.market_view import MarketView
    from strategy_engine.signals import Signals


@dataclass(frozen=True, kw_only=True)
class BuyAndHold:
    """Buys once, as early as the fill profile allows, and never sells.

    The decision is made on the first bar, so under `next_open` it fills at the open of the second. What another
    strategy adds to this is what its trading was worth; Sharpe (1991), "The Arithmetic of Active Management",
    Financial Analysts Journal 47(1), says why that is so hard to earn.
    """

    kind: Literal["buy_and_hold"] = "buy_and_hold"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        return view.signals(entries=view.only_at(0), exits=view.never())
