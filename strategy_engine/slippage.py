"""How much worse than its price an order fills. Market and stop orders slip; a limit order never does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from annotated_types import Ge, Gt, Le

from market_data.bounds import settle


@dataclass(frozen=True, kw_only=True)
class NoSlippage:
    kind: Literal["none"] = "none"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class FixedSlippage:
    """frac: fraction of the price, added when buying and taken off when selling (0.0005 = 5 bps)."""

    frac: Annotated[float, Ge(0.0), Le(0.2)] = 0.0005
    kind: Literal["fixed"] = "fixed"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class VolatilitySlippage:
    """Slip by `multiple` standard deviations (ddof = 1) of the `window` per-bar returns before the fill.

    Returns are simple, close to close, and end with the bar before the fill; until there are `window` of
    them nothing slips.
    """

    multiple: Annotated[float, Ge(0.0), Le(10.0)] = 0.1
    window: Annotated[int, Ge(2), Le(2_000)] = 20
    kind: Literal["volatility"] = "volatility"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class VolumeShareSlippage:
    """An order takes at most `max_share` of the volume of the bar that fills it, and moves the price.

    The price slips by price_impact * (size / volume) ** 2, as a fraction. What exceeds the share is not
    filled: the rest of an entry is dropped and told in the journal, the rest of an exit stays an order at
    the next open. In a bar without volume nothing fills.
    """

    price_impact: Annotated[float, Ge(0.0), Le(10.0)] = 0.1
    max_share: Annotated[float, Gt(0.0), Le(1.0)] = 0.025
    kind: Literal["volume_share"] = "volume_share"

    def __post_init__(self) -> None:
        settle(self)


# Told apart by `kind`.
AnySlippage = NoSlippage | FixedSlippage | VolatilitySlippage | VolumeShareSlippage

NO_SLIPPAGE: Final = NoSlippage()
