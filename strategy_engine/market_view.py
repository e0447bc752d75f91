"""What a strategy sees of the market, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from market_data.bars import Bars, BoolArray, FloatArray
from market_data.errors import DomainError, require
from strategy_engine import indicators


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """Where a strategy enters and leaves the market: each of shape (n,), decided at the bar's close.

    An entry while a position is held means nothing, nor does an exit while none is held. Where a bar says
    both, the exit counts and nothing is bought.
    """

    entries: BoolArray
    exits: BoolArray


class Strategy(Protocol):
    """Anything that can decide: our own strategies and whatever a notebook defines."""

    def signals(self, view: MarketView) -> Signals:
        """Return the decisions at each bar's close, using nothing after that bar."""
        ...


class MarketView:
    """The columns of one series of bars and the indicators over them.

    Strategies reach compiled code only through a view, so that importing a strategy loads no numerical
    library.
    """

    __slots__ = ("close", "high", "low", "open", "volume")

    def __init__(self, bars: Bars) -> None:
        # asarray turns memory-mapped columns into plain arrays over the same memory, which kernels know.
        self.open: FloatArray = np.asarray(bars.open)
        self.high: FloatArray = np.asarray(bars.high)
        self.low: FloatArray = np.asarray(bars.low)
        self.close: FloatArray = np.asarray(bars.close)
        self.volume: FloatArray = np.asarray(bars.volume)

    def __len__(self) -> int:
        return len(self.close)

    def sma(self, values: FloatArray, period: int) -> FloatArray:
        """Return the simple moving average of `values`; see `indicators.sma`."""
        require(period >= 1, f"the period of an average must be >= 1, was {period}")
        return indicators.sma(values, period)

    def rsi(self, values: FloatArray, period: int) -> FloatArray:
        """Return Wilder's relative strength index of `values`; see `indicators.rsi`."""
        require(period >= 1, f"the period of an RSI must be >= 1, was {period}")
        return indicators.rsi(values, period)

    def crosses_above(self, series: FloatArray, other: FloatArray) -> BoolArray:
        """Return where `series` rises above `other`; see `indicators.crosses_above`."""
        _require_aligned(series, other)
        return indicators.crosses_above(series, other)

    def crosses_below(self, series: FloatArray, other: FloatArray) -> BoolArray:
        """Return where `series` falls below `other`: at or above it one bar before, below it now."""
        _require_aligned(series, other)
        return indicators.crosses_above(other, series)

    def rises_to(self, series: FloatArray, level: float) -> BoolArray:
        """Return where `series` comes up to `level`; see `indicators.rises_to`."""
        return indicators.rises_to(series, level)

    def falls_to(self, series: FloatArray, level: float) -> BoolArray:
        """Return where `series` comes down to `level`; see `indicators.falls_to`."""
        return indicators.falls_to(series, level)

    def only_at(self, bar: int) -> BoolArray:
        """Return True at the bar with index `bar` and nowhere else."""
        flags = self.never()
        flags[bar] = True
        return flags

    def never(self) -> BoolArray:
        """Return False for every bar."""
        return np.zeros(len(self), np.bool_)

    def signals(self, *, entries: BoolArray, exits: BoolArray) -> Signals:
        """Return checked signals; raise DomainError unless both are boolean arrays with one value a bar."""
        for name, flags in (("entries", entries), ("exits", exits)):
            if not isinstance(flags, np.ndarray) or flags.dtype != np.bool_ or flags.shape != (len(self),):
                raise DomainError(f"{name} must be a boolean array of shape ({len(self)},), was {_described(flags)}")
        return Signals(entries=np.ascontiguousarray(entries), exits=np.ascontiguousarray(exits))


def _require_aligned(series: FloatArray, other: FloatArray) -> None:
    require(
        series.shape == other.shape,
        f"two series that cross must have the same shape, were {series.shape} and {other.shape}",
    )


def _described(flags: object) -> str:
    return f"{flags.dtype} of shape {flags.shape}" if isinstance(flags, np.ndarray) else type(flags).__name__
