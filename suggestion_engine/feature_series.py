"""What formulas are written with: the columns of many symbols, and looks back from each row that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market_data.bars import Bars, FloatArray
from suggestion_engine import feature_kernels as kernels
from suggestion_engine.candle_signals import CandleSignals, candle_signals

ATR_BARS: Final = 14
VOL_RANK_BARS: Final = 230


class Series:
    """Bars of s symbols, as many of each, and the rows from `first` on as the ones asked for: n - first of each.

    Columns have the shape (s, n), all other answers (s, n - first), NaN where they look back beyond the first bar. Each
    symbol's answers are what they are without the others: many are taken at once because a call costs more than its
    sums.
    """

    def __init__(self, bars: Sequence[Bars], first: int) -> None:
        self.bars = bars
        self.first = first
        self.n_rows = len(bars[0]) - first
        self.open, self.high = self._column(lambda one: one.open), self._column(lambda one: one.high)
        self.low, self.close = self._column(lambda one: one.low), self._column(lambda one: one.close)
        self.volume = self._column(lambda one: one.volume)
        self.returns = kernels.log_changes(self.close)
        self.true_range = kernels.true_ranges(self.high, self.low, self.close)

    def now(self, column: FloatArray) -> FloatArray:
        return column[:, self.first :]

    def ago(self, column: FloatArray, n_bars: int) -> FloatArray:
        n_series, n = column.shape
        start = self.first - n_bars
        if start >= 0:
            return column[:, start : n - n_bars]
        missing = np.full((n_series, min(-start, self.n_rows)), np.nan)
        return np.concatenate((missing, column[:, : max(0, n - n_bars)]), axis=1)

    def log_return(self, n_bars: int, *, skip: int = 0) -> FloatArray:
        """Return ln(close `skip` bars ago / close `n_bars` ago)."""
        return np.log(self.ago(self.close, skip) / self.ago(self.close, n_bars))

    def mean(self, column: FloatArray, window: int) -> FloatArray:
        return kernels.window_mean(column, window, self.first)

    def total(self, column: FloatArray, window: int) -> FloatArray:
        return self.mean(column, window) * window

    def std(self, column: FloatArray, window: int) -> FloatArray:
        return kernels.window_std(column, window, self.first)

    def highest(self, window: int) -> FloatArray:
        return kernels.window_max(self.high, window, self.first)

    def lowest(self, window: int) -> FloatArray:
        return -kernels.window_max(-self.low, window, self.first)

    def volatility(self, window: int) -> FloatArray:
        """Return the deviation of log returns, 0 where it is rounding alone."""
        return without_dust(self.std(self.returns, window))

    @cached_property
    def changes(self) -> FloatArray:
        return np.concatenate((np.full((len(self.bars), 1), np.nan), np.diff(self.close)), axis=1)

    @cached_property
    def rises(self) -> FloatArray:
        return np.maximum(self.changes, 0.0)

    @cached_property
    def falls(self) -> FloatArray:
        return np.maximum(-self.changes, 0.0)

    @cached_property
    def days(self) -> NDArray[np.datetime64]:
        """Return the UTC dates of the rows asked for."""
        times = np.stack([one.time[self.first :] for one in self.bars])
        return times.view("M8[ns]").astype("M8[D]")

    @cached_property
    def months(self) -> NDArray[np.datetime64]:
        return self.days.astype("M8[M]")

    @cached_property
    def past_vol_20(self) -> FloatArray:
        """Return `volatility(20)` of the rows asked for, with up to VOL_RANK_BARS - 1 rows before them."""
        start = max(0, self.first - VOL_RANK_BARS + 1)
        return without_dust(kernels.window_std(self.returns, 20, start))

    @cached_property
    def vol_20(self) -> FloatArray:
        return self.past_vol_20[:, self.past_vol_20.shape[1] - self.n_rows :]

    @cached_property
    def vol_60(self) -> FloatArray:
        return self.volatility(60)

    @cached_property
    def line_20(self) -> FloatArray:
        return kernels.window_line(self.log_close, 20, self.first)

    @cached_property
    def line_60(self) -> FloatArray:
        return kernels.window_line(self.log_close, 60, self.first)

    @cached_property
    def log_close(self) -> FloatArray:
        return np.log(self.close)

    @cached_property
    def atr(self) -> FloatArray:
        return self.mean(self.true_range, ATR_BARS)

    @cached_property
    def typical_price(self) -> FloatArray:
        return (self.high + self.low + self.close) / 3.0

    @cached_property
    def mean_volume_20(self) -> FloatArray:
        return self.mean(self.volume, 20)

    @cached_property
    def highest_14(self) -> FloatArray:
        return self.highest(14)

    @cached_property
    def lowest_14(self) -> FloatArray:
        return self.lowest(14)

    @cached_property
    def candles(self) -> CandleSignals:
        return candle_signals(self.bars, self.first)

    def _column(self, of: Callable[[Bars], FloatArray]) -> FloatArray:
        return np.stack([of(one) for one in self.bars])


def without_dust(deviation: FloatArray) -> FloatArray:
    """Return deviations of logs with rounding dust set to 0, so that nothing is divided by it."""
    return np.where(deviation <= kernels.FLAT, 0.0, deviation)


def quotient(dividend: FloatArray, divisor: FloatArray, *, otherwise: float = np.nan) -> FloatArray:
    """Return dividend / divisor, `otherwise` where the divisor is 0, NaN where it is NaN."""
    return np.where(divisor == 0.0, otherwise, dividend / divisor)
