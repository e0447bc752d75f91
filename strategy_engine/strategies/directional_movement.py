"""Following a market that goes one way, firmly."""

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
class DirectionalMovement:
    """Long while upward movement leads and the trend is firm, short while downward movement leads.

    Buys when Wilder's +DI over `period` bars is above -DI and ADX is at least `firm_adx`; sells when +DI is
    below -DI, however firm. Sells short on the mirror image. Source: Wilder (1978), "New Concepts in Technical
    Trading Systems"; 25 and above is what he and most after him call a trend.
    """

    period: Annotated[int, Ge(2), Le(200)] = 14
    firm_adx: Annotated[float, Ge(0.0), Le(90.0)] = 25.0
    direction: Direction = "long_only"
    kind: Literal["directional_movement"] = "directional_movement"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        moves = view.directional(self.period)
        up, down, is_firm = moves.plus > moves.minus, moves.plus < moves.minus, moves.adx >= self.firm_adx
        return directed(
            view, self.direction, entries=up & is_firm, exits=down, short_entries=down & is_firm, short_exits=up
        )
