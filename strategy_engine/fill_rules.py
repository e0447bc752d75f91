"""When and at which price an order fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from market_data.bounds import settle
from market_data.errors import require

# In all three, what was decided at the close of bar i fills at the open of bar i + 1 at the earliest; a decision
# on the last bar never fills. The decision cannot have seen the price it gets, so there is no look-ahead in it.
#
# next_open: ours. An exit decided at the close comes before a stop that the open would have hit. Stops and targets
#   are tested from the fill on, the bar of the entry included. What cannot be paid is cut to what can.
# backtesting_py: as backtesting.py 0.6. The spread is paid whole at entry; an order that cannot be paid is dropped,
#   never cut; the bar of the entry is tested after a market order, not after a limit order, and after a stop order
#   only for a target without a stop; equity at or below 0 at a close ends the trading.
# vectorbt: as vectorbt 1.2. Stops and targets come before signals, which a bar that hits one ignores, and are first
#   tested on the bar after the entry; they do not slip. An entry and an exit at the same close cancel each other.
#   Shorts need no margin. Market orders only.
FillProfile = Literal["next_open", "backtesting_py", "vectorbt"]

# What happened first inside a bar. stop_first: whatever is worse for the position, whenever the bar alone cannot
# tell. ohlc_path: the price went from the open to the nearer of high and low, to the other, to the close.
# lower_timeframe: bars of a lower timeframe tell, each read with stop_first; where there are none, so is the bar.
SameBarRule = Literal["stop_first", "ohlc_path", "lower_timeframe"]

# touch: a limit order fills when the price is reached; through: only when it is passed.
LimitFill = Literal["touch", "through"]

FILL_PROFILES: Final[tuple[FillProfile, ...]] = get_args(FillProfile)


@dataclass(frozen=True, kw_only=True)
class FillRules:
    """close_at_end: whether what is held after the last bar is sold at its close, commission paid."""

    profile: FillProfile = "next_open"
    same_bar: SameBarRule = "stop_first"
    limit_fill: LimitFill = "touch"
    close_at_end: bool = False

    def __post_init__(self) -> None:
        settle(self)
        require(
            self.profile == "next_open" or (self.same_bar == "stop_first" and self.limit_fill == "touch"),
            f"the profile {self.profile} knows only same_bar stop_first and limit_fill touch, was {self.same_bar} and "
            f"{self.limit_fill}",
        )
