"""What trading costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Gt, Le

from market_data.bounds import BY_KIND, settle
from market_data.errors import require
from strategy_engine.slippage import NO_SLIPPAGE, AnySlippage


@dataclass(frozen=True, kw_only=True)
class CommissionTier:
    """rate: fraction charged on the part of an order's value that is above `above`, in currency."""

    above: Annotated[float, Gt(0.0), Le(1e15)]
    rate: Annotated[float, Ge(0.0), Le(0.1)]

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Commission, charged at entry and again at exit; spread and slippage, which move the price of a fill.

    commission of an order = max(commission_min, commission_fixed + commission_per_unit * size + rates on its
    value), where commission_rate is a fraction of the traded value (0.001 = 0.1 %), and tiers, in rising
    order of `above`, replace it for the part of the value above them, as brackets of an income tax do.
    spread_frac: between bid and ask, as a fraction of the price; half of it is paid by each market or stop
    order. slippage: what such an order pays beyond that.
    """

    commission_rate: Annotated[float, Ge(0.0), Le(0.1)] = 0.0
    commission_fixed: Annotated[float, Ge(0.0), Le(1e9)] = 0.0
    commission_per_unit: Annotated[float, Ge(0.0), Le(1e9)] = 0.0
    commission_min: Annotated[float, Ge(0.0), Le(1e9)] = 0.0
    commission_tiers: tuple[CommissionTier, ...] = ()
    spread_frac: Annotated[float, Ge(0.0), Le(0.2)] = 0.0
    slippage: AnySlippage = field(default=NO_SLIPPAGE, metadata=BY_KIND)

    def __post_init__(self) -> None:
        settle(self)
        floors = [tier.above for tier in self.commission_tiers]
        require(floors == sorted(set(floors)), f"commission_tiers must rise in `above`, were {floors}")
