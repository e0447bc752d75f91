"""How much a suggestion may risk: what a caller may say about size and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from market_data.bounds import settle


@dataclass(frozen=True, kw_only=True)
class Risk:
    """Bounds on the size of a position; fractions are of the account's equity (0.01 = 1 %)."""

    volatility_target_frac: Annotated[float, Gt(0), Le(2)] = 0.10
    """The yearly volatility that the position alone may bring to the account."""
    kelly_frac: Annotated[float, Gt(0), Le(1)] = 0.25
    """How much of the Kelly stake is taken."""
    max_size_frac: Annotated[float, Gt(0), Le(1)] = 0.20
    max_loss_frac: Annotated[float, Gt(0), Le(1)] = 0.01
    """What a fill at the stop may cost the account."""
    cost_bps_round_trip: Annotated[float, Ge(0), Le(1_000)] = 20.0
    """Fees and slippage of getting in and out again, in hundredths of a per cent of the price."""

    def __post_init__(self) -> None:
        settle(self)
