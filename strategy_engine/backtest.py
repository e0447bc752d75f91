"""Runs one strategy over the bars of one symbol or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import numpy as np

from market_data.bars import Bars
from market_data.errors import DomainError, require
from strategy_engine.account import Account
from strategy_engine.costs import Costs
from strategy_engine.entry_order import AnyEntryOrder
from strategy_engine.exits import Exits
from strategy_engine.fill_rules import FillRules
from strategy_engine.market_view import MarketView, Strategy
from strategy_engine.periods import PERIODS_PER_YEAR
from strategy_engine.report import BacktestReport
from strategy_engine.reporting import report_of
from strategy_engine.settings import Settings, settings_of
from strategy_engine.signals import Signals
from strategy_engine.simulate import simulate
from strategy_engine.simulation.assembly import Clock, decisions_of_signals, decisions_of_weights, market_of
from strategy_engine.simulation.course import run_bars
from strategy_engine.simulation.inputs import Decisions
from strategy_engine.simulation.records import Records, records_of_ledger, records_of_outcome
from strategy_engine.simulation.tables import rules_of
from strategy_engine.sizing import AnySizing
from strategy_engine.stages import Meanwhile, Stage
from strategy_engine.universe_view import PortfolioStrategy, UniverseView, require_universe

FEWEST_BARS: Final = 2
DEFAULTS: Final = Settings()


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What was asked for, checked."""

    series: tuple[Bars, ...]
    lower: tuple[Bars, ...]
    strategy: Strategy | PortfolioStrategy
    settings: Settings
    periods_per_year: float
    meanwhile: Meanwhile | None

    def tell(self, stage: Stage, fraction: float) -> None:
        if self.meanwhile is not None:
            self.meanwhile(stage, fraction)


def run(
    bars: Bars | Sequence[Bars],
    strategy: Strategy | PortfolioStrategy,
    *,
    account: Account = DEFAULTS.account,
    costs: Costs = DEFAULTS.costs,
    sizing: AnySizing = DEFAULTS.sizing,
    exits: Exits = DEFAULTS.exits,
    entry: AnyEntryOrder = DEFAULTS.entry,
    fills: FillRules = DEFAULTS.fills,
    lower: Bars | Sequence[Bars] = (),
    periods_per_year: float | None = None,
    meanwhile: Meanwhile | None = None,
) -> BacktestReport:
    """Return the report of `strategy` trading `bars`, of one symbol or of several on one account.

    Decisions are made at each close and fill at the next open at the earliest; `simulation.loop` has the
    steps. A strategy that answers signals decides for each symbol by itself; one that answers weights spreads
    the account over all, and `sizing` and `entry` are not asked. Symbols are taken in the order of their names,
    whatever the order here, and a symbol without a bar at a time neither trades nor moves. Bars fewer than a
    strategy's warm-up are no error: nothing is decided, nothing is traded, and the equity stays the initial cash.

    lower: bars of a lower timeframe, a series for each symbol, for `same_bar="lower_timeframe"`.
    periods_per_year: bars a year, by which metrics are annualised; by default that of US equities (`periods`).
    meanwhile: see `stages`. Raises DomainError for fewer than 2 bars of a symbol, series that do not belong
    together, settings that contradict each other and periods that are not a number > 0.
    """
    series = _series(bars)
    settings = settings_of(account=account, costs=costs, sizing=sizing, exits=exits, entry=entry, fills=fills)
    yearly = _periods_per_year(series[0], periods_per_year)
    task = _Task(series, _lower(lower, settings), strategy, settings, yearly, meanwhile)
    clock = Clock.over(series)
    records = _records(task, clock)
    task.tell("measure", 0.0)
    return report_of(series, clock, records, strategy=strategy, settings=settings, periods_per_year=yearly)


def _series(bars: Bars | Sequence[Bars]) -> tuple[Bars, ...]:
    series = (bars,) if isinstance(bars, Bars) else tuple(sorted(bars, key=lambda one: one.symbol))
    require(len(series) > 0, "a backtest needs the bars of at least one symbol, was given none")
    for one in series:
        if not isinstance(one, Bars):
            raise DomainError(f"bars must be Bars or several of them (see Bars.from_arrays), was {type(one).__name__}")
        told = f"a backtest needs at least {FEWEST_BARS} bars, was given {len(one)} of {one.symbol}"
        require(len(one) >= FEWEST_BARS, told)
    if len(series) > 1:
        require_universe(series)
    return series


def _lower(lower: Bars | Sequence[Bars], settings: Settings) -> tuple[Bars, ...]:
    inner = (lower,) if isinstance(lower, Bars) else tuple(sorted(lower, key=lambda one: one.symbol))
    if settings.fills.same_bar == "lower_timeframe":
        require(len(inner) > 0, "same_bar lower_timeframe needs bars of a lower timeframe as `lower`, was given none")
    return inner


def _periods_per_year(bars: Bars, given: float | None) -> float:
    if given is None:
        return PERIODS_PER_YEAR[bars.timeframe]
    require(math.isfinite(given) and given > 0.0, f"periods_per_year must be a finite number > 0, was {given}")
    return float(given)


def _records(task: _Task, clock: Clock) -> Records:
    """Return what the simulation leaves behind, by the plain loop where that does."""
    if hasattr(task.strategy, "weights"):
        task.tell("decide", 0.0)
        weights = cast("PortfolioStrategy", task.strategy).weights(UniverseView(task.series))
        return _general(task, clock, decisions_of_weights(weights, len(task.series)))
    signals = []
    for j, one in enumerate(task.series):
        task.tell("decide", j / len(task.series))
        signals.append(task.strategy.signals(MarketView(one)))
    if len(signals) == 1 and signals[0].is_plain() and task.settings.is_plain():
        return _plain(task.series[0], signals[0], task.settings)
    return _general(task, clock, decisions_of_signals(signals, clock))


def _plain(bars: Bars, signals: Signals, settings: Settings) -> Records:
    account, rate, close = settings.account, settings.costs.commission_rate, np.asarray(bars.close)
    ledger = simulate(
        np.asarray(bars.open), close, signals.entries, signals.exits, account.cash, rate, account.lot_step
    )
    return records_of_ledger(ledger, close, rate)


def _general(task: _Task, clock: Clock, decisions: Decisions) -> Records:
    settings = task.settings
    market = market_of(task.series, clock, task.lower, settings, task.periods_per_year)
    heard = None if task.meanwhile is None else partial(task.meanwhile, "simulate")
    return records_of_outcome(run_bars(market, decisions, rules_of(settings), clock.time, settings.account.cash, heard))
