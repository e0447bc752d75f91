"""The indicators, as a strategy asks for them: each checks what it is given, and is computed by a kernel."""

from __future__ import annotations

import numpy as np

from market_data.bars import BoolArray, FloatArray, IntArray
from market_data.errors import require
from strategy_engine import indicators
from strategy_engine.indicators import Bands, Directional, Macd, OpeningRange


class IndicatorView:
    """Indicators over the columns of one series of bars: open, high, low, close, volume, time, each of shape (n,).

    Formula, warm-up and source of each stand at its kernel in `strategy_engine.indicators`.
    """

    __slots__ = ("close", "high", "low", "open", "time", "volume")

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    time: IntArray

    def sma(self, values: FloatArray, period: int) -> FloatArray:
        """Return the simple moving average of `values`."""
        return indicators.sma(values, _at_least(1, period, "average"))

    def ema(self, values: FloatArray, period: int) -> FloatArray:
        """Return the exponential moving average of `values`."""
        return indicators.ema(values, _at_least(1, period, "average"))

    def rsi(self, values: FloatArray, period: int) -> FloatArray:
        """Return Wilder's relative strength index of `values`, 0 to 100."""
        return indicators.rsi(values, _at_least(1, period, "RSI"))

    def macd(self, values: FloatArray, fast: int, slow: int, signal: int) -> Macd:
        """Return the MACD of `values`: line, signal and histogram."""
        require(1 <= fast < slow, f"fast must be >= 1 and below slow, was {fast} with slow {slow}")
        return indicators.macd(values, fast, slow, _at_least(1, signal, "signal line"))

    def deviation(self, values: FloatArray, period: int) -> FloatArray:
        """Return the standard deviation (ddof = 0) of each window of `values`."""
        return indicators.deviation(values, _at_least(1, period, "deviation"))

    def bollinger(self, values: FloatArray, period: int, width: float) -> Bands:
        """Return Bollinger's bands of `values`, `width` deviations around their average."""
        return indicators.bollinger(values, _at_least(1, period, "band"), _above_zero(width))

    def keltner(self, period: int, atr_period: int, width: float) -> Bands:
        """Return Keltner's channel, `width` average true ranges around the ema of closes."""
        periods = _at_least(1, period, "channel"), _at_least(1, atr_period, "true range")
        return indicators.keltner(self.high, self.low, self.close, *periods, _above_zero(width))

    def true_range(self) -> FloatArray:
        """Return the true range of each bar."""
        return indicators.true_range(self.high, self.low, self.close)

    def atr(self, period: int) -> FloatArray:
        """Return Wilder's average true range."""
        return indicators.atr(self.high, self.low, self.close, _at_least(1, period, "true range"))

    def directional(self, period: int) -> Directional:
        """Return Wilder's +DI, -DI and ADX, 0 to 100."""
        return indicators.directional(self.high, self.low, self.close, _at_least(2, period, "directional movement"))

    def supertrend(self, period: int, width: float) -> FloatArray:
        """Return the side of the supertrend: 1.0, -1.0, or NaN while it is not known."""
        columns = (self.high, self.low, self.close)
        return indicators.supertrend(*columns, _at_least(1, period, "true range"), _above_zero(width))

    def highest(self, values: FloatArray, period: int) -> FloatArray:
        """Return the highest of the last `period` values, this one included."""
        return indicators.highest(values, _at_least(1, period, "window"))

    def lowest(self, values: FloatArray, period: int) -> FloatArray:
        """Return the lowest of the last `period` values, this one included."""
        return indicators.lowest(values, _at_least(1, period, "window"))

    def change(self, values: FloatArray, period: int) -> FloatArray:
        """Return the change of `values` over `period` bars, as a fraction."""
        return indicators.change(values, _at_least(1, period, "change"))

    def before(self, values: FloatArray, bars: int = 1) -> FloatArray:
        """Return what `values` was some bars ago."""
        return indicators.before(values, _at_least(0, bars, "look back"))

    def opening_range(self, opening_ns: int, gap_ns: int) -> OpeningRange:
        """Return the range of the opening of each bar's session, and how long that has lasted."""
        return indicators.opening_range(self.time, self.high, self.low, gap_ns, opening_ns)

    def first_of_session(self, flags: BoolArray, elapsed_ns: IntArray) -> BoolArray:
        """Return `flags`, but only the first in each session."""
        _require_aligned(flags, elapsed_ns)
        return indicators.first_of_session(flags, elapsed_ns)

    def crosses_above(self, series: FloatArray, other: FloatArray) -> BoolArray:
        """Return where `series` rises above `other`: at or below it one bar before, above it now."""
        _require_aligned(series, other)
        return indicators.crosses_above(series, other)

    def crosses_below(self, series: FloatArray, other: FloatArray) -> BoolArray:
        """Return where `series` falls below `other`: at or above it one bar before, below it now."""
        _require_aligned(series, other)
        return indicators.crosses_above(other, series)

    def rises_to(self, series: FloatArray, level: float) -> BoolArray:
        """Return where `series` comes up to `level`: below it one bar before, at or above it now."""
        return indicators.rises_to(series, level)

    def falls_to(self, series: FloatArray, level: float) -> BoolArray:
        """Return where `series` comes down to `level`: above it one bar before, at or below it now."""
        return indicators.falls_to(series, level)

    def every(self, bars: int, *, first: int) -> BoolArray:
        """Return True at bar `first` and at every `bars`-th after it."""
        since = np.arange(len(self.close)) - first
        is_due: BoolArray = (since >= 0) & (since % bars == 0)
        return is_due

    def prices(self, values: FloatArray) -> FloatArray:
        """Return `values` where an order could have them for its price, > 0, and NaN elsewhere."""
        return np.where(values > 0.0, values, np.nan)

    def choose(self, flags: BoolArray, chosen: FloatArray, other: FloatArray) -> FloatArray:
        """Return `chosen` where `flags` is set, and `other` elsewhere."""
        return np.where(flags, chosen, other)


def _at_least(least: int, period: int, noun: str) -> int:
    require(period >= least, f"the period of {_article(noun)} {noun} must be >= {least}, was {period}")
    return period


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeioR" else "a"


def _above_zero(width: float) -> float:
    require(width > 0.0, f"the width of a band must be > 0, was {width}")
    return width


def _require_aligned(series: FloatArray | BoolArray, other: FloatArray | IntArray) -> None:
    require(
        series.shape == other.shape,
        f"two series that cross must have the same shape, were {series.shape} and {other.shape}",
    )
