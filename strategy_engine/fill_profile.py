"""When and at which price an order fills."""

from __future__ import annotations

from typing import Final, Literal, get_args

# next_open: what was decided at the close of bar i fills at the open of bar i + 1; a decision on the last bar
# never fills. The decision cannot have seen the price it gets, so there is no look-ahead in it.
FillProfile = Literal["next_open"]

FILL_PROFILES: Final[tuple[FillProfile, ...]] = get_args(FillProfile)
