"""How large an entry is. Every size is then rounded down to whole lots and cut to what the account can pay.

A signal's own `size_frac` stands above all of these: it is the fraction of equity to put into that entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from market_data.bounds import settle
from market_data.errors import require


@dataclass(frozen=True, kw_only=True)
class AllCash:
    """As much as the account can pay, commission included, with all of its leverage."""

    kind: Literal["all_cash"] = "all_cash"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class EquityFraction:
    """A value of `frac` times the equity; above 1 it needs leverage."""

    frac: Annotated[float, Gt(0.0), Le(500.0)] = 0.1
    kind: Literal["equity_fraction"] = "equity_fraction"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class FixedUnits:
    units: Annotated[float, Gt(0.0), Le(1e15)] = 1.0
    kind: Literal["fixed_units"] = "fixed_units"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class FixedCash:
    """A value of `cash`, in currency, before commission."""

    cash: Annotated[float, Gt(0.0), Le(1e15)] = 1_000.0
    kind: Literal["fixed_cash"] = "fixed_cash"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class RiskPerTrade:
    """So many units that the way from entry to stop costs `risk_frac` of the equity ("one R").

    size = risk_frac * equity / |entry price - stop price|, costs left out. An entry without a stop is
    rejected. Tharp (1998), "Trade Your Way to Financial Freedom", calls it the percent risk model.
    """

    risk_frac: Annotated[float, Gt(0.0), Le(1.0)] = 0.01
    kind: Literal["risk_per_trade"] = "risk_per_trade"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class VolatilityTarget:
    """A value of equity * target_vol / volatility, the latter over the last `window` returns, a year.

    Volatility: standard deviation (ddof = 1) of simple returns from close to close up to the decision, times
    the root of the bars in a year. Before there are `window` returns, or where they do not vary, an entry is
    rejected.
    """

    target_vol: Annotated[float, Gt(0.0), Le(10.0)] = 0.15
    window: Annotated[int, Ge(2), Le(2_000)] = 20
    kind: Literal["volatility_target"] = "volatility_target"

    def __post_init__(self) -> None:
        settle(self)


@dataclass(frozen=True, kw_only=True)
class KellyFraction:
    """A value of equity times a part of Kelly's fraction, estimated from the last closed trades.

    f = p - (1 - p) / b, where p is the share of winners among the last `lookback_trades` closed trades and b
    their mean gain over their mean loss, both as fractions of the entry value; the value is equity *
    min(cap_frac, max(floor_frac, fraction * f)). Until that many trades have closed it is equity *
    start_frac. Where nothing was lost b is without bound and f = p; with no winner f <= 0. A value of 0 is a
    rejected entry, and no entry follows it: only a floor_frac above 0 lets the account trade on and learn.
    Kelly (1956), "A New Interpretation of Information Rate".
    """

    fraction: Annotated[float, Gt(0.0), Le(1.0)] = 0.5
    lookback_trades: Annotated[int, Ge(2), Le(10_000)] = 30
    start_frac: Annotated[float, Gt(0.0), Le(1.0)] = 0.1
    floor_frac: Annotated[float, Ge(0.0), Le(1.0)] = 0.0
    cap_frac: Annotated[float, Gt(0.0), Le(500.0)] = 1.0
    kind: Literal["kelly_fraction"] = "kelly_fraction"

    def __post_init__(self) -> None:
        settle(self)
        require(
            self.floor_frac <= self.cap_frac,
            f"floor_frac must be at most cap_frac, {self.cap_frac:g}, was {self.floor_frac:g}",
        )


# Told apart by `kind`.
AnySizing = AllCash | EquityFraction | FixedUnits | FixedCash | RiskPerTrade | VolatilityTarget | KellyFraction
