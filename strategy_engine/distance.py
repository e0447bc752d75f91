"""How far from a price another one stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from market_data.bounds import settle


@dataclass(frozen=True, kw_only=True)
class FractionDistance:
    """frac: fraction of the price that it is measured from (0.03 = 3 %)."""

    frac: Annotated[float, Gt(0.0), Lt(1.0)]
    kind: Literal["fraction"] = "fraction"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class AtrDistance:
    """multiple: of the average true range (Wilder) over `period` bars, as of the close of the decision."""

    multiple: Annotated[float, Gt(0.0), Le(100.0)]
    period: Annotated[int, Ge(2), Le(400)] = 14
    kind: Literal["atr"] = "atr"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class RiskDistance:
    """multiple: of the initial risk, the distance from entry to the first stop (2.0 is "two R")."""

    multiple: Annotated[float, Gt(0.0), Le(1_000.0)]
    kind: Literal["risk"] = "risk"

    def __post_init__(self) -> None:
        settle(self)


# Told apart by `kind`. A stop cannot be measured in the risk that it defines.
AnyDistance = FractionDistance | AtrDistance
AnyTarget = FractionDistance | AtrDistance | RiskDistance
