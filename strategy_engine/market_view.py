"""What a strategy sees of the market, and what it answers."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from market_data.bars import Bars, BoolArray, FloatArray, IntArray
from market_data.timeframe import Timeframe
from strategy_engine.higher_view import HigherView
from strategy_engine.indicator_view import IndicatorView
from strategy_engine.signals import Signals, check_signals


class Strategy(Protocol):
    """Anything that can decide: our own strategies and whatever a notebook defines."""

    def signals(self, view: MarketView) -> Signals:
        """Return the decisions at each bar's close, using nothing after that bar."""
        ...


class MarketView(IndicatorView):
    """The columns of one series of bars and the indicators over them.

    Strategies reach compiled code only through a view, so that importing a strategy loads no numerical
    library.
    """

    __slots__ = ("symbol", "timeframe")

    def __init__(self, bars: Bars) -> None:
        # asarray turns memory-mapped columns into plain arrays over the same memory, which kernels know.
        self.open: FloatArray = np.asarray(bars.open)
        self.high: FloatArray = np.asarray(bars.high)
        self.low: FloatArray = np.asarray(bars.low)
        self.close: FloatArray = np.asarray(bars.close)
        self.volume: FloatArray = np.asarray(bars.volume)
        self.time: IntArray = np.asarray(bars.time)
        self.symbol: str = bars.symbol
        self.timeframe: Timeframe = bars.timeframe

    def __len__(self) -> int:
        return len(self.close)

    def higher(self, timeframe: Timeframe) -> HigherView:
        """Return the closed bars of a higher timeframe and what is known of them at each bar; see `HigherView`."""
        return HigherView(self, timeframe)

    def only_at(self, bar: int) -> BoolArray:
        """Return True at the bar with index `bar` and nowhere else."""
        flags = self.never()
        flags[bar] = True
        return flags

    def never(self) -> BoolArray:
        """Return False for every bar."""
        return np.zeros(len(self), np.bool_)

    def signals(
        self,
        *,
        entries: BoolArray,
        exits: BoolArray,
        short_entries: BoolArray | None = None,
        short_exits: BoolArray | None = None,
        entry_limit: FloatArray | None = None,
        entry_stop: FloatArray | None = None,
        stop_loss: FloatArray | None = None,
        take_profit: FloatArray | None = None,
        size_frac: FloatArray | None = None,
    ) -> Signals:
        """Return checked signals; raise DomainError unless each is an array with one value a bar."""
        signals = Signals(
            entries=entries,
            exits=exits,
            short_entries=short_entries,
            short_exits=short_exits,
            entry_limit=entry_limit,
            entry_stop=entry_stop,
            stop_loss=stop_loss,
            take_profit=take_profit,
            size_frac=size_frac,
        )
        return check_signals(signals, len(self))
