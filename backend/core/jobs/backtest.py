"""`backtest`: one strategy over the history of one symbol, or of several on one account."""

from datetime import date
from typing import Annotated, Literal, Self

from annotated_types import Len
from pydantic import Field, model_validator

from backend.core.jobs.payload import Contract, Part, Symbol
from backend.core.jobs.provenance import Provenance
from backend.core.jobs.reproduction import Reproduction
from market_data.errors import require
from market_data.timeframe import STEP_S, Timeframe
from strategy_engine import (
    Account,
    AllCash,
    AnyEntryOrder,
    AnySizing,
    AnyStrategy,
    Costs,
    Exits,
    FillProfile,
    FillRules,
    MarketOrder,
)
from strategy_engine.settings import settings_of
from strategy_engine.strategies import UniverseStrategy

MOST_SYMBOLS = 500


class BacktestPayload(Contract):
    """What `strategy_engine.run` takes, under the same names, and which bars. What is left out has its default."""

    symbols: Annotated[
        tuple[Symbol, ...],
        Len(1, MOST_SYMBOLS),
        Field(description="Traded on one account; each is named once.", examples=[["AAPL"], ["KO", "PEP"]]),
    ]
    timeframe: Timeframe = "1d"
    start: Annotated[date | None, Field(description="First day, inclusive.", examples=["2000-03-01"])] = None
    end: Annotated[date | None, Field(description="Last day, inclusive.", examples=["2013-03-01"])] = None
    strategy: Annotated[AnyStrategy, Field(discriminator="kind")]
    account: Account = Account()
    costs: Costs = Costs()
    sizing: Annotated[AnySizing, Field(discriminator="kind", description="How large an entry is.")] = AllCash()
    exits: Annotated[Exits, Field(description="How a position is left, beside the strategy's own exits.")] = Exits()
    entry: Annotated[AnyEntryOrder, Field(discriminator="kind", description="Which kind of order an entry is.")] = (
        MarketOrder()
    )
    fill_profile: Annotated[
        FillProfile, Field(description="Short for `fills` with this profile and nothing else; not beside `fills`.")
    ] = "next_open"
    fills: Annotated[
        FillRules | None, Field(description="When and at which price an order fills; without it see `fill_profile`.")
    ] = None
    lower_timeframe: Annotated[
        Timeframe | None,
        Field(description="Whose bars tell what came first inside a bar, for `same_bar` `lower_timeframe` alone."),
    ] = None
    periods_per_year: Annotated[
        float | None,
        Field(gt=0, le=1e8, description="Bars a year, to annualise by; by default those of US equities."),
    ] = None
    detail: Annotated[
        Literal["full", "brief"],
        Field(description="`full`: every table and the tearsheet as artifacts; `brief`: trades and equity alone."),
    ] = "full"

    @property
    def fill_rules(self) -> FillRules:
        return FillRules(profile=self.fill_profile) if self.fills is None else self.fills

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"end must not be before start; start was {self.start}, end was {self.end}")
        return self

    @model_validator(mode="after")
    def _symbols_for_the_strategy(self) -> Self:
        if len(set(self.symbols)) < len(self.symbols):
            twice = sorted({symbol for symbol in self.symbols if self.symbols.count(symbol) > 1})
            raise ValueError(f"symbols must be named once each, {', '.join(twice)} was named again")
        if isinstance(self.strategy, UniverseStrategy):
            kind = self.strategy.kind
            self.strategy.symbols.check(kind, len(self.symbols))
            told = f"{kind} sizes by its weights and trades at market"
            require(isinstance(self.sizing, AllCash), f"sizing must be left out: {told}; it was {self.sizing.kind}")
            require(isinstance(self.entry, MarketOrder), f"entry must be left out: {told}; it was {self.entry.kind}")
        return self

    @model_validator(mode="after")
    def _settings_belong_together(self) -> Self:
        if self.fills is not None and self.fill_profile not in {"next_open", self.fills.profile}:
            raise ValueError(
                f"fill_profile must be left out beside fills, whose profile is {self.fills.profile}; "
                f"it was {self.fill_profile}"
            )
        settings_of(
            account=self.account,
            costs=self.costs,
            sizing=self.sizing,
            exits=self.exits,
            entry=self.entry,
            fills=self.fill_rules,
        )
        return self

    @model_validator(mode="after")
    def _lower_timeframe_where_it_is_used(self) -> Self:
        lower, same_bar = self.lower_timeframe, self.fill_rules.same_bar
        if lower is None:
            require(
                same_bar != "lower_timeframe", "fills.same_bar lower_timeframe needs a lower_timeframe, it had none"
            )
            return self
        told = f"lower_timeframe must be left out unless fills.same_bar is lower_timeframe; that was {same_bar}"
        require(same_bar == "lower_timeframe", told)
        told = f"lower_timeframe must be below timeframe, {self.timeframe}; it was {lower}"
        require(STEP_S[lower] < STEP_S[self.timeframe], told)
        return self


class EquityCurve(Contract):
    """At most 500 points of the equity; the artifact `equity` has every bar."""

    time: tuple[str, ...]
    equity: tuple[float, ...]


class DataWarning(Part):
    """What looks wrong in the bars, or keeps the strategy from trading, though it is no error.

    suspected_split: prices jump as if a split had not been adjusted for. long_pause: no bar came for longer than any
    holiday. no_orders: the strategy decided nothing, perhaps since there are fewer bars than it looks back on.
    """

    code: Literal["suspected_split", "long_pause", "no_orders"]
    symbol: str
    time: str
    """Of the first bar after it; for `no_orders` of the last bar."""
    message: str


class BacktestResult(Contract):
    metrics: Annotated[
        dict[str, float | int | None], Field(description="null: not defined, such as the win rate of no trades.")
    ]
    equity_curve: EquityCurve
    trade_count: int
    artifacts: tuple[str, ...]
    source: str
    warnings: Annotated[
        tuple[str, ...], Field(description="What may be otherwise at another time: bars that a provider did not give.")
    ] = ()
    data_warnings: Annotated[tuple[DataWarning, ...], Field(description="The same for the same bars.")] = ()
    provenance: Provenance
    reproduction: Annotated[
        Reproduction | None, Field(description="How this compares with the job that it runs again, if it does.")
    ] = None
