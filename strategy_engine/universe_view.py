"""What a strategy of several symbols sees of the market: their bars on one clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from market_data.bars import Bars, BoolArray, FloatArray, IntArray
from market_data.common_times import common_times
from market_data.errors import require
from market_data.timeframe import Timeframe
from strategy_engine import cross_section, indicators
from strategy_engine.indicators import Hedge
from strategy_engine.market_view import MarketView
from strategy_engine.weights import Weights, check_weights


class PortfolioStrategy(Protocol):
    """Anything that spreads an account over several symbols."""

    def weights(self, universe: UniverseView) -> Weights:
        """Return the weights decided at each close, using nothing after it."""
        ...


class UniverseView:
    """Columns of shape (n, m): a row for each time at which any symbol has a bar, a column for each symbol.

    time: shape (n,), int64 ns UTC. has_bar: where the symbol has a bar of its own. close: its last known
    close, NaN before its first bar.
    """

    __slots__ = ("_bars", "close", "has_bar", "symbols", "time", "timeframe")

    def __init__(self, bars: Sequence[Bars]) -> None:
        """Raises DomainError for no bars at all, a symbol given twice, and timeframes that differ."""
        require_universe(bars)
        self.symbols: tuple[str, ...] = tuple(series.symbol for series in bars)
        self.timeframe: Timeframe = bars[0].timeframe
        self._bars = tuple(bars)
        self.time: IntArray = common_times([series.time for series in bars])
        shape = (len(self.time), len(bars))
        self.has_bar: BoolArray = np.zeros(shape, np.bool_)
        self.close: FloatArray = np.full(shape, np.nan)
        for j, series in enumerate(bars):
            self.has_bar[:, j], self.close[:, j] = _aligned(series, self.time)

    def __len__(self) -> int:
        return len(self.time)

    def view(self, symbol: int) -> MarketView:
        """Return the view of one symbol, by its place, over its own bars."""
        return MarketView(self._bars[symbol])

    def momentum(self, lookback: int, skip: int = 0) -> FloatArray:
        """Return each symbol's return from `lookback` rows ago to `skip` rows ago, shape (n, m); else NaN."""
        require(0 <= skip < lookback, f"skip must be from 0 to below lookback, {lookback}, was {skip}")
        gained = np.full(self.close.shape, np.nan)
        then, now = self.close[:-lookback], self.close[lookback - skip : len(self) - skip]
        gained[lookback:] = now / then - 1.0
        return gained

    def volatility(self, window: int) -> FloatArray:
        """Return the deviation (ddof = 1) of the last `window` returns from row to row, shape (n, m); else NaN."""
        require(window > 1, f"a volatility needs a window of at least 2, was {window}")
        deviation = np.full(self.close.shape, np.nan)
        for j in range(self.close.shape[1]):
            listed = int(np.isnan(self.close[:, j]).sum())
            returns = indicators.change(np.ascontiguousarray(self.close[listed:, j]), 1)
            if returns.size > window:
                spread = indicators.deviation(np.ascontiguousarray(returns[1:]), window)
                deviation[listed + 1 :, j] = spread * np.sqrt(window / (window - 1.0))
        return deviation

    def leaders(self, scores: FloatArray, count: int) -> BoolArray:
        """Return where a symbol is among the `count` best of its row; see `cross_section.leaders`."""
        return cross_section.leaders(scores, count, self.symbols)

    def shares(self, chosen: BoolArray, places: int) -> FloatArray:
        """Return 1 / places for each that is chosen, 0 elsewhere."""
        return cross_section.shares(chosen, places)

    def equal_shares(self) -> FloatArray:
        """Return the same share for each symbol that has a price; each row sums to 1."""
        is_listed = ~np.isnan(self.close)
        shares: FloatArray = is_listed / is_listed.sum(axis=1, keepdims=True)
        return shares

    def inverse_volatility_shares(self, window: int) -> FloatArray:
        """Return shares in inverse proportion to the volatility of `window` returns; rows sum to 1, or to 0."""
        volatility = self.volatility(window)
        return cross_section.inverse_shares(~np.isnan(volatility), volatility)

    def hedge(self, window: int) -> Hedge:
        """Return how the second symbol hedges the first, over logarithms of closes; see `indicators.hedge`.

        Where one of them has no bar of its own, both columns are NaN for as long as the window holds that row.
        """
        is_there = self.has_bar[:, 0] & self.has_bar[:, 1]
        first, second = (np.where(is_there, np.log(self.close[:, j]), np.nan) for j in range(2))
        return indicators.hedge(first, second, window)

    def reversion_side(self, hedge: Hedge, *, entry: float, leave: float, stop: float) -> FloatArray:
        """Return the side of a bet on the pair's return; see `indicators.reversion_side`. No hedge is no bet."""
        zscore = np.where(hedge.ratio <= 0.0, 0.0, hedge.zscore)
        return indicators.reversion_side(zscore, entry, leave, stop)

    def spread(self, side: FloatArray, ratio: FloatArray, *, gross: float) -> Weights:
        """Return weights of a pair that change only where the side does; see `cross_section.spread`."""
        target = cross_section.spread(side, ratio, gross=gross)
        return self.weights(target=target, rebalance=cross_section.changes(side))

    def every(self, bars: int, *, first: int) -> BoolArray:
        """Return True on row `first` and on every `bars`-th after it, shape (n,)."""
        since = np.arange(len(self)) - first
        is_due: BoolArray = (since >= 0) & (since % bars == 0)
        return is_due

    def weights(self, *, target: FloatArray, rebalance: BoolArray) -> Weights:
        """Return checked weights; raise DomainError unless both have their shape and are numbers."""
        return check_weights(Weights(target=target, rebalance=rebalance), *self.close.shape)


def require_universe(bars: Sequence[Bars]) -> None:
    """Raise DomainError for no bars at all, a symbol given twice, and timeframes that differ."""
    require(len(bars) > 0, "a universe needs at least one symbol, was given none")
    symbols = [series.symbol for series in bars]
    twice = [] if len(set(symbols)) == len(symbols) else [symbol for symbol in symbols if symbols.count(symbol) > 1]
    require(not twice, f"each symbol of a universe must be given once, {twice[:1]} was given twice")
    timeframes = sorted({series.timeframe for series in bars})
    require(len(timeframes) == 1, f"all bars of a universe must have one timeframe, were {', '.join(timeframes)}")


def _aligned(series: Bars, time: IntArray) -> tuple[BoolArray, FloatArray]:
    """Return where a series has a bar among these times, and its last close at each; NaN before the first."""
    place = np.searchsorted(series.time, time, side="right") - 1
    known = place >= 0
    close = np.full(len(time), np.nan)
    close[known] = np.asarray(series.close)[place[known]]
    has_bar = known.copy()
    has_bar[known] = np.asarray(series.time)[place[known]] == time[known]
    return has_bar, close
