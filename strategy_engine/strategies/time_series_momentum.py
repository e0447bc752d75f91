"""A market against its own past."""

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
class TimeSeriesMomentum:
    """Long while the return over a long time is above 0, short while it is below.

    Every `review_bars` bars, from the first on that has one, the change of closes over `lookback` bars is
    looked at: above 0 it buys and covers, below 0 it sells and sells short. Between reviews nothing is decided.
    Source: Moskowitz, Ooi and Pedersen (2012), "Time Series Momentum", Journal of Financial Economics 104(2),
    who looked back 12 months every month.
    """

    lookback: Annotated[int, Ge(2), Le(2_000)] = 252
    review_bars: Annotated[int, Ge(1), Le(400)] = 21
    direction: Direction = "long_only"
    kind: Literal["time_series_momentum"] = "time_series_momentum"

    def __post_init__(self) -> None:
        settle(self)

    def signals(self, view: MarketView) -> Signals:
        gained = view.change(view.close, self.lookback)
        is_review = view.every(self.review_bars, first=self.lookback)
        up, down = (gained > 0.0) & is_review, (gained < 0.0) & is_review
        return directed(view, self.direction, entries=up, exits=down, short_entries=down, short_exits=up)
