"""Buying what has fallen too fast."""

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
class RsiReversion:
    """Long from an oversold reading of Wilder's RSI until it has recovered; short from an overbought one.

    Buys when the RSI of closes over `period` bars comes down to `oversold` (above it one bar before, at or
    below it now) and sells when it comes up to `exit_above` (below it one bar before, at or above it now).
    Sells short on the mirror image of both levels around 50. The index and its 30/70 levels are Wilder's
    (1978), "New Concepts in Technical Trading Systems"; buying the oversold side alone and leaving near the
    middle follows Connors and Alvarez (2009), "Short Term Trading Strategies That Work".
    """

    period: Annotated[int, Ge(2), Le(200)] = 14
    oversold: Annotated[float, Ge(1.0), Le(50.0)] = 30.0
    exit_above: Annotated[float, Ge(50.0), Le(99.0)] = 55.0
    direction: Direction = "long_only"
    kind: Literal["rsi_reversion"] = "rsi_reversion"

    def __post_init__(self) -> None:
        settle(self)
        require(
            self.oversold < self.exit_above,
            f"oversold must be below exit_above, was {self.oversold:g} with exit_above {self.exit_above:g}",
        )

    def signals(self, view: MarketView) -> Signals:
        strength = view.rsi(view.close, self.period)
        return directed(
            view,
            self.direction,
            entries=view.falls_to(strength, self.oversold),
            exits=view.rises_to(strength, self.exit_above),
            short_entries=view.rises_to(strength, 100.0 - self.oversold),
            short_exits=view.falls_to(strength, 100.0 - self.exit_above),
        )
