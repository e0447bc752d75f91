"""How a position is left, beside the strategy's own exits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final

from annotated_types import Ge, Gt, Le

from market_data.bounds import BY_KIND, settle
from market_data.errors import require
from strategy_engine.distance import AnyDistance, AnyTarget

MOST_RUNGS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One step of a ladder: at `target` from the entry price, `share` of the first size is sold."""

    target: AnyTarget = field(metadata=BY_KIND)
    share: Annotated[float, Gt(0.0), Le(1.0)]

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class Exits:
    """Orders that stand while a position is held; None and () mean none. Together they are a bracket.

    stop_loss: from the entry price, against the position. take_profit: from the entry price, in its favour;
    leaves all that is held. trailing_stop: from the best price since entry, and never moved back. ladder:
    rungs, each leaving a part of the position at its target; sizes are rounded down to whole lots, and shares
    that add up to 1 leave nothing. time_stop_bars: leave at the open of the bar that is so many after the one
    of the entry. A signal's own prices stand above stop_loss and take_profit.
    """

    stop_loss: AnyDistance | None = field(default=None, metadata=BY_KIND)
    take_profit: AnyTarget | None = field(default=None, metadata=BY_KIND)
    trailing_stop: AnyDistance | None = field(default=None, metadata=BY_KIND)
    ladder: tuple[Rung, ...] = ()
    time_stop_bars: Annotated[int, Ge(1), Le(10_000_000)] | None = None

    def __post_init__(self) -> None:
        settle(self)
        require(len(self.ladder) <= MOST_RUNGS, f"a ladder has at most {MOST_RUNGS} rungs, was {len(self.ladder)}")
        total = sum(rung.share for rung in self.ladder)
        require(total <= 1.0 + 1e-9, f"the shares of a ladder must add up to at most 1, was {total:g}")
