"""Which kind of order an entry is. It is sent at the close that decides it.

Written for a long entry; a short one mirrors it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Le

from market_data.bounds import BY_KIND, settle
from strategy_engine.distance import AnyDistance

ValidBars = Annotated[int, Ge(1), Le(10_000_000)]


@dataclass(frozen=True, kw_only=True)
class MarketOrder:
    """Fills at the next open."""

    kind: Literal["market"] = "market"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class LimitOrder:
    """Buys at `offset` below the close of the decision or better; dropped after `valid_bars` bars."""

    offset: AnyDistance = field(metadata=BY_KIND)
    valid_bars: ValidBars = 1
    kind: Literal["limit"] = "limit"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class StopOrder:
    """Buys once the price is `offset` above the close of the decision, at that price or worse."""

    offset: AnyDistance = field(metadata=BY_KIND)
    valid_bars: ValidBars = 1
    kind: Literal["stop"] = "stop"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class StopLimitOrder:
    """Once the price is `stop_offset` above the close, a limit order at `limit_offset` above that stop."""

    stop_offset: AnyDistance = field(metadata=BY_KIND)
    limit_offset: AnyDistance = field(metadata=BY_KIND)
    valid_bars: ValidBars = 1
    kind: Literal["stop_limit"] = "stop_limit"

    def __post_init__(self) -> None:
        settle(self)


# Told apart by `kind`.
AnyEntryOrder = MarketOrder | LimitOrder | StopOrder | StopLimitOrder
