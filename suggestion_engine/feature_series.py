"""What formulas are written with: a series' columns, and looks back from each row that is asked for."""

from __future__ import annotations

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
    """Bars, and the rows from `first` on as the ones asked for: n - first of them.

    Columns have the shape (n,), all other answers (n - first,), NaN where they look back beyond the first bar.
    """

    def __init__(self, bars: Bars, first: int) -> None:
        self.bars = bars
        self.first = first
        self.n_rows = len(bars) - first
        self.open, self.high, self.low, self.close = bars.open, bars.high, bars.low, bars.close
        self.volume = bars.volume
        self.returns = kernels.log_changes(bars.close)
        self.true_range = kernels.true_ranges(bars.high, bars.low, bars.close)

    def now(self, column: FloatArray) -> FloatArray:
        return column[self.first :]

    def ago(self, column: FloatArray, n_bars: int) -> FloatArray:
        start = self.first - n_bars
        if start >= 0:
            return column[start : len(column) - n_bars]
        missing = np.full(min(-start, len(column) - self.first), np.nan)
        return np.concatenate((missing, column[: max(0, len(column) - n_bars)]))

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
        return kernels.changes(self.close)

    @cached_property
    def rises(self) -> FloatArray:
        return np.maximum(self.changes, 0.0)

    @cached_property
    def falls(self) -> FloatArray:
        return np.maximum(-self.changes, 0.0)

    @cached_property
    def days(self) -> NDArray[np.datetime64]:
        """Return the UTC dates of the rows asked for."""
        return self.bars.time[self.first :].view("M8[ns]").astype("M8[D]")

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
        return self.past_vol_20[len(self.past_vol_20) - self.n_rows :]

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


def without_dust(deviation: FloatArray) -> FloatArray:
    """Return deviations of logs with rounding dust set to 0, so that nothing is divided by it."""
    return np.where(deviation <= kernels.FLAT, 0.0, deviation)


def quotient(dividend: FloatArray, divisor: FloatArray, *, otherwise: float = np.nan) -> FloatArray:
    """Return dividend / divisor, `otherwise` where the divisor is 0, NaN where it is NaN."""
    return kernels.quotient(dividend, divisor, otherwise)
