"""`backtest`: one strategy over the history of one symbol."""

from datetime import date
from typing import Annotated, Literal, Self

from annotated_types import Len
from pydantic import Field, model_validator

from backend.core.jobs.payload import Contract, Symbol
from backend.core.jobs.provenance import Provenance
from market_data.timeframe import Timeframe
from strategy_engine import Account, AnyStrategy, Costs, FillProfile
from strategy_engine.strategies import UniverseStrategy


class BacktestPayload(Contract):
    symbols: Annotated[
        tuple[Symbol, ...],
        Len(1, 1),
        Field(description="One symbol for now; strategies of several are for notebooks.", examples=[["AAPL"]]),
    ]
    timeframe: Timeframe = "1d"
    start: Annotated[date | None, Field(description="First day, inclusive.", examples=["2000-03-01"])] = None
    end: Annotated[date | None, Field(description="Last day, inclusive.", examples=["2013-03-01"])] = None
    strategy: Annotated[AnyStrategy, Field(discriminator="kind")]
    account: Account = Account()
    costs: Costs = Costs()
    fill_profile: FillProfile = "next_open"
    detail: Annotated[
        Literal["full", "brief"],
        Field(description="`full`: every table and the tearsheet as artifacts; `brief`: trades and equity alone."),
    ] = "full"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"end must not be before start; start was {self.start}, end was {self.end}")
        return self

    @model_validator(mode="after")
    def _symbols_for_the_strategy(self) -> Self:
        if isinstance(self.strategy, UniverseStrategy):
            self.strategy.symbols.check(self.strategy.kind, len(self.symbols))
        return self


class EquityCurve(Contract):
    """At most 500 points of the equity; the artifact `equity` has every bar."""

    time: tuple[str, ...]
    equity: tuple[float, ...]


class BacktestResult(Contract):
    metrics: dict[str, float | int | None]
    equity_curve: EquityCurve
    trade_count: int
    artifacts: tuple[str, ...]
    source: str
    warnings: tuple[str, ...] = ()
    provenance: Provenance
