"""The account that a backtest starts with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt, Le

from market_data.bounds import settle


@dataclass(frozen=True, kw_only=True)
class Account:
    """cash: what the account holds before the first bar, in the currency of the prices.

    lot_step: the smallest tradable quantity, in units; every size is a whole multiple of it. 1.0 is whole
    shares.
    """

    cash: Annotated[float, Gt(0.0), Le(1e15)] = 10_000.0
    lot_step: Annotated[float, Gt(0.0)] = 1.0

    def __post_init__(self) -> None:
        settle(self)
