"""Going against a close beyond Bollinger's bands."""

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
class BollingerReversion:
    """Long from a close below the lower band until one above the average, short from one above the upper band.

    The bands stand `width` standard deviations of the last `period` closes around their average. Buys when the
    close falls below the lower band, having been at or above it one bar before; sells when it rises above the
    average. Source: Bollinger (2001), "Bollinger on Bollinger Bands"; Lento, Gradojevic and Wright
    (2007), "Investment information content in Bollinger Bands?", Applied Financial Economics Letters 3(4),
    tested both ways.
    """

    period: Annotated[int, Ge(2), Le(400)] = 20
    width: Annotated[float, Gt(0.0), Le(10.0)] = 2.0
    direction: Direction = "long_only"
    kind: Literal["bollinger_reversion"] = "bollinger_reversion"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        bands = view.bollinger(view.close, self.period, self.width)
        return directed(
            view,
            self.direction,
            entries=view.crosses_below(view.close, bands.lower),
            exits=view.crosses_above(view.close, bands.middle),
            short_entries=view.crosses_above(view.close, bands.upper),
            short_exits=view.crosses_below(view.close, bands.middle),
        )
