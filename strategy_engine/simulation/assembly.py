"""Turns bars, decisions and settings into what the loop takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from market_data.bars import Bars, FloatArray, IntArray
from market_data.common_times import common_times
from market_data.errors import require
from market_data.timeframe import STEP_S, step_ns
from strategy_engine import indicators
from strategy_engine.settings import Settings
from strategy_engine.signals import Signals
from strategy_engine.simulation import layout
from strategy_engine.simulation.inputs import Decisions, Market
from strategy_engine.simulation.tables import atr_periods
from strategy_engine.sizing import VolatilityTarget
from strategy_engine.slippage import VolatilitySlippage
from strategy_engine.weights import Weights

ScalarT = TypeVar("ScalarT", bound=np.generic)

_NO_CUBE: Final = np.zeros((0, 0, 0))
_NO_ROW: Final = np.zeros(0, np.bool_)
_NO_LOWER: Final = np.zeros((4, 0))
for _empty in (_NO_CUBE, _NO_ROW, _NO_LOWER):
    _empty.flags.writeable = False
_COLUMNS: Final = ("open", "high", "low", "close", "volume")
_PRICES: Final = ("entry_limit", "entry_stop", "stop_loss", "take_profit", "size_frac")


@dataclass(frozen=True, slots=True, eq=False)
class Clock:
    """The common times of several series: time, shape (n,); places[j], the row of each bar of series j."""

    time: IntArray
    places: tuple[IntArray, ...]

    @classmethod
    def over(cls, bars: Sequence[Bars]) -> Clock:
        """Return the union of the times at which any symbol has a bar."""
        if len(bars) == 1:
            return cls(np.asarray(bars[0].time), (np.arange(len(bars[0])),))
        time = common_times([series.time for series in bars])
        time.flags.writeable = False
        return cls(time, tuple(np.searchsorted(time, series.time) for series in bars))

    def spread(self, columns: Sequence[FloatArray]) -> FloatArray:
        """Return a matrix with a column for each series, NaN where it has no bar; read-only."""
        if len(columns) == 1:
            return _locked(np.ascontiguousarray(columns[0]).reshape(-1, 1))
        matrix = np.full((len(self.time), len(columns)), np.nan)
        for j, column in enumerate(columns):
            matrix[self.places[j], j] = column
        return _locked(matrix)

    def place(self, columns: Sequence[NDArray[Any] | None], matrix: NDArray[Any]) -> None:  # Any: flags or values
        """Write each series' column, if there is one, to its rows of a matrix of shape (n, m)."""
        for j, column in enumerate(columns):
            if column is not None:
                matrix[self.places[j], j] = column


def market_of(
    bars: Sequence[Bars], clock: Clock, lower: Sequence[Bars], settings: Settings, periods_per_year: float
) -> Market:
    """Return the market; lower: bars of a lower timeframe, one series a symbol, or none at all."""
    slippage, sizing = settings.costs.slippage, settings.sizing
    planes = {layout.OPEN + k: [getattr(series, name) for series in bars] for k, name in enumerate(_COLUMNS)}
    if isinstance(slippage, VolatilitySlippage):
        planes[layout.SLIP] = [_slips(series, slippage) for series in bars]
    if isinstance(sizing, VolatilityTarget):
        yearly = np.sqrt(periods_per_year)
        planes[layout.VOLATILITY] = [_deviation(series, sizing.window) * yearly for series in bars]
    table = _NO_LOWER
    if lower:
        table, planes[layout.FIRST_LOWER], planes[layout.END_LOWER] = _lower(bars, lower)
    for k, period in enumerate(atr_periods(settings)):
        planes[layout.FIRST_RANGE + k] = [_range(series, period) for series in bars]
    cube = np.full((max(planes) + 1, len(clock.time), len(bars)), np.nan)
    for plane, columns in planes.items():
        clock.place(columns, cube[plane])
    return Market(_locked(cube), table)


def _range(series: Bars, period: int) -> FloatArray:
    return indicators.atr(np.asarray(series.high), np.asarray(series.low), np.asarray(series.close), period)


def _deviation(series: Bars, window: int) -> FloatArray:
    """Return the deviation (ddof = 1) of the last `window` returns, shape (n,); NaN before there are as many."""
    deviation = np.full(len(series), np.nan)
    returns = indicators.change(np.asarray(series.close), 1)[1:]
    if returns.size >= window:
        spread = indicators.deviation(np.ascontiguousarray(returns), window)
        deviation[1:] = spread * np.sqrt(window / (window - 1.0))
    return deviation


def _slips(series: Bars, slippage: VolatilitySlippage) -> FloatArray:
    slips = np.zeros(len(series))
    slips[1:] = np.nan_to_num(_deviation(series, slippage.window)[:-1]) * slippage.multiple
    return slips


def _lower(bars: Sequence[Bars], lower: Sequence[Bars]) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
    """Return the table of lower bars, and for each bar of each symbol the first of them and the one after the last."""
    require(len(lower) == len(bars), f"lower must have one series a symbol, {len(bars)}, was {len(lower)}")
    firsts, ends, before = [], [], 0
    for series, inner in zip(bars, lower, strict=True):
        require(
            inner.symbol == series.symbol and STEP_S[inner.timeframe] < STEP_S[series.timeframe],
            f"lower must hold bars of {series.symbol} below {series.timeframe}, was {inner.symbol} {inner.timeframe}",
        )
        closes = np.minimum(series.time + step_ns(series.timeframe), np.append(series.time[1:], np.iinfo(np.int64).max))
        firsts.append(before + np.searchsorted(inner.time, series.time).astype(np.float64))
        ends.append(before + np.searchsorted(inner.time, closes).astype(np.float64))
        before += len(inner)
    table = np.stack([np.concatenate([getattr(inner, name) for inner in lower]) for name in _COLUMNS[:4]])
    return _locked(np.ascontiguousarray(table)), firsts, ends


def decisions_of_signals(signals: Sequence[Signals], clock: Clock) -> Decisions:
    """Return the decisions of strategies, one a symbol, on the common clock."""
    has_shorts = any(given.short_entries is not None for given in signals)
    names = ("entries", "exits", "short_entries", "short_exits") if has_shorts else ("entries", "exits")
    flags = np.zeros((len(names), len(clock.time), len(signals)), np.bool_)
    for plane, name in enumerate(names):
        clock.place([getattr(given, name) for given in signals], flags[plane])
    values = _NO_CUBE
    if any(getattr(given, name) is not None for given in signals for name in _PRICES):
        values = np.full((layout.TARGET_WEIGHT + 1, len(clock.time), len(signals)), np.nan)
        for plane, name in enumerate(_PRICES):
            clock.place([getattr(given, name) for given in signals], values[plane])
    return Decisions(_locked(flags), _locked(values), _NO_ROW)


def decisions_of_weights(weights: Weights, symbols: int) -> Decisions:
    """Return the decisions of a portfolio strategy; its rows are those of the common clock already."""
    count = len(weights.rebalance)
    values = np.full((layout.TARGET_WEIGHT + 1, count, symbols), np.nan)
    values[layout.TARGET_WEIGHT] = weights.target
    never = np.zeros((2, count, symbols), np.bool_)
    return Decisions(_locked(never), _locked(values), _locked(weights.rebalance))


def _locked(array: NDArray[ScalarT]) -> NDArray[ScalarT]:
    view = array.view()
    view.flags.writeable = False
    return view
