"""The account that a backtest starts with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from market_data.bounds import settle
from market_data.errors import require


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the account holds and what its broker allows.

    cash: what it holds before the first bar, in the currency of the prices. lot_step: the smallest tradable
    quantity, in units; every size is a whole multiple of it, rounded down. 1.0 is whole shares. min_notional:
    currency; a smaller order is rejected.

    leverage: how many times its equity the account may hold in positions; 1.0 is a cash account, which may
    still sell short up to its equity. maintenance_margin_frac: when equity, at the worst price inside a bar,
    is below this fraction of the value of all positions, everything is liquidated. An account without
    leverage or shorts never gets there. borrow_rate: what borrowed shares cost, a fraction of their value
    each year of 365 days, charged for the time that passes between bars. cash_rate: what idle cash earns, by
    the same reckoning; idle is what the equity has beyond the value of all positions, so that neither the
    proceeds of shorts nor borrowed money earn anything.
    """

    cash: Annotated[float, Gt(0.0), Le(1e15)] = 10_000.0
    lot_step: Annotated[float, Ge(1e-18), Le(1e15)] = 1.0
    min_notional: Annotated[float, Ge(0.0), Le(1e15)] = 0.0
    leverage: Annotated[float, Ge(1.0), Le(500.0)] = 1.0
    maintenance_margin_frac: Annotated[float, Ge(0.0), Lt(1.0)] | None = None
    borrow_rate: Annotated[float, Ge(0.0), Le(10.0)] = 0.0
    cash_rate: Annotated[float, Ge(0.0), Le(1.0)] = 0.0

    def __post_init__(self) -> None:
        settle(self)
        require(
            self.maintenance * self.leverage < 1.0,
            f"maintenance_margin_frac must be below 1 / leverage, {1.0 / self.leverage:g}, was {self.maintenance:g}",
        )

    @property
    def maintenance(self) -> float:
        """Return the maintenance margin as a fraction: what was asked for, else a quarter of 1 / leverage."""
        if self.maintenance_margin_frac is not None:
            return self.maintenance_margin_frac
        return 0.25 / self.leverage
