"""What trading costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from market_data.bounds import settle


@dataclass(frozen=True, kw_only=True)
class Costs:
    """commission_rate: fraction of the traded value, charged at entry and again at exit (0.001 = 0.1 %)."""

    commission_rate: Annotated[float, Ge(0.0), Le(0.1)] = 0.0

    def __post_init__(self) -> None:
        settle(self)
