"""The bars of a backtest: of every symbol, of a lower timeframe where one is asked for, and what is odd about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from backend.core.jobs.backtest import BacktestPayload, DataWarning
from backend.core.jobs.outcomes import InvalidJob
from backend.core.jobs.provenance import BarsUsed
from market_data.bars import Bars
from market_data.common_times import common_times
from market_data.doubts import doubts_of
from market_data.errors import NoBars, UnknownSymbol
from market_data.timeframe import STEP_S, Timeframe
from strategy_engine import BacktestReport
from workers.context import Context, LoadedBars
from workers.handlers.bars import iso
from workers.handlers.stages import Stages

MOST_CELLS = 10_000_000
"""Bars of all symbols on their common clock; a worker holds about 200 bytes for each."""
MOST_TOLD = 50


@dataclass(frozen=True)
class BarsToTrade:
    """One series a symbol, in the order of their names, and perhaps as many of a lower timeframe."""

    traded: Sequence[LoadedBars]
    lower: Sequence[LoadedBars]

    @property
    def series(self) -> list[Bars]:
        return [loaded.bars for loaded in self.traded]

    @property
    def lower_series(self) -> list[Bars]:
        return [loaded.bars for loaded in self.lower]

    @property
    def used(self) -> list[BarsUsed]:
        return [loaded.used for loaded in (*self.traded, *self.lower)]

    @property
    def source(self) -> str:
        """Return where they came from; of several sources, their names with commas between."""
        return ", ".join(sorted({used.source for used in self.used}))

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """Return what was said of them as they were loaded: symbol and text."""
        every = (*self.traded, *self.lower)
        return [(loaded.used.symbol, warning) for loaded in every for warning in loaded.warnings]


def load_bars(payload: BacktestPayload, context: Context, stages: Stages) -> BarsToTrade:
    """Return the bars; raises what `Context.bars` does, and InvalidJob for more than one backtest can hold."""
    symbols = sorted(payload.symbols)
    lower = payload.lower_timeframe
    parts = len(symbols) if lower is None else 2 * len(symbols)
    loaded: list[LoadedBars] = []
    for symbol in symbols:
        stages.tell("load", len(loaded) / parts)
        loaded.append(context.bars(symbol, payload.timeframe, payload.start, payload.end))
    _require_fitting([one.bars for one in loaded])
    inner: list[LoadedBars] = []
    for symbol in symbols if lower is not None else ():
        stages.tell("load", (len(loaded) + len(inner)) / parts)
        inner.append(_lower(symbol, payload, lower or "1m", context))
    stages.count(symbols=len(symbols), bars=sum(len(one.bars) for one in loaded))
    return BarsToTrade(loaded, inner)


def data_warnings(bars: Sequence[Bars], report: BacktestReport) -> tuple[DataWarning, ...]:
    """Return what is odd about the bars, and that nothing was ever decided."""
    found = [
        DataWarning(code=doubt.code, symbol=one.symbol, time=iso(int(one.time[doubt.bar])), message=doubt.told)
        for one in bars
        for doubt in doubts_of(one)
    ]
    if len(found) > MOST_TOLD:
        last = found[MOST_TOLD - 1]
        told = f"{last.message}; and {len(found) - MOST_TOLD} more like these"
        found = [*found[: MOST_TOLD - 1], last.model_copy(update={"message": told})]
    if len(report.trades) == 0 and len(report.rejections) == 0:
        told = f"the strategy sent no order in {len(report.time)} bars: perhaps it looks back on more than these"
        found.append(DataWarning(code="no_orders", symbol=report.symbol, time=iso(int(report.time[-1])), message=told))
    return tuple(found)


def _lower(symbol: str, payload: BacktestPayload, timeframe: Timeframe, context: Context) -> LoadedBars:
    try:
        return context.bars(symbol, timeframe, payload.start, _end_of_bars(payload.end, payload.timeframe))
    except (NoBars, UnknownSymbol) as error:
        raise type(error)(f"lower_timeframe {timeframe}: {error}") from error


def _end_of_bars(end: date | None, timeframe: Timeframe) -> date | None:
    """Return the day on which the last bar ends: one of 1w goes on for six days."""
    days = timedelta(seconds=STEP_S[timeframe] - 1).days
    return None if end is None else min(end, date.max - timedelta(days)) + timedelta(days)


def _require_fitting(bars: Sequence[Bars]) -> None:
    rows, columns = sum(len(one) for one in bars), len(bars)
    if rows * columns > MOST_CELLS and columns > 1:
        rows = len(common_times([one.time for one in bars]))
    if rows * columns > MOST_CELLS:
        told = f"a backtest holds {MOST_CELLS:,} bars, symbols times moments, at most; these are {rows * columns:,}"
        raise InvalidJob("too_many_bars", f"{told}: take fewer symbols, a later start or a higher timeframe")
