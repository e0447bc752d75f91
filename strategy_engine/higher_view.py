"""The same market in a higher timeframe, of which only bars that have closed are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from market_data.bars import Bars, IntArray
from market_data.errors import require
from market_data.timeframe import NS_PER_DAY, STEP_S, Timeframe, step_ns

if TYPE_CHECKING:
    from strategy_engine.market_view import MarketView

ScalarT = TypeVar("ScalarT", bound=np.generic)

# A week begins on a Monday; the epoch was a Thursday.
_WEEK_SHIFT_NS: Final = 3 * NS_PER_DAY


class HigherView:
    """view: the closed bars of the higher timeframe, with every indicator. here(values): what is known of them.

    A higher bar begins on a whole multiple of its length since 00:00 UTC, a week on Monday. It is known from
    the first bar of this timeframe on that closes at its end or later: a week of stocks, which ends on Sunday,
    from the close of Monday on. The first one is left out unless its first bar stands at its beginning, so
    that no bar depends on where the history was cut.
    """

    __slots__ = ("_known", "view")

    def __init__(self, view: MarketView, timeframe: Timeframe) -> None:
        """Raises DomainError unless `timeframe` is longer than that of `view`."""
        require(
            timeframe in STEP_S and STEP_S[timeframe] > STEP_S[view.timeframe],
            f"a higher timeframe than {view.timeframe} is needed, was {timeframe}",
        )
        step, shift = step_ns(timeframe), _WEEK_SHIFT_NS if timeframe == "1w" else 0
        closes = view.time + step_ns(view.timeframe)
        begins = (view.time + shift) // step * step - shift
        first = np.flatnonzero(np.diff(begins, prepend=begins[:1] - 1)) if len(view) > 0 else np.zeros(0, np.int64)
        if first.size > 0 and begins[0] != view.time[0]:
            first = first[1:]
        ends = begins[first] + step
        closed = int(np.searchsorted(ends, closes[-1], side="right")) if first.size > 0 else 0
        self.view = type(view)(_merged(view, first, closed, begins, timeframe))
        self._known: IntArray = np.searchsorted(ends[:closed], closes, side="right") - 1

    def here(self, values: NDArray[ScalarT]) -> NDArray[ScalarT]:
        """Return the value of the last closed higher bar at each bar; NaN, or False, before there is one.

        values: shape (higher bars,), float64 or boolean; the answer has the shape (n,) of this timeframe.
        """
        count = len(self.view)
        require(values.shape == (count,), f"values of higher bars must have shape ({count},), was {values.shape}")
        nothing = np.False_ if values.dtype == np.bool_ else np.float64(np.nan)
        padded = np.append(values, nothing).astype(values.dtype)
        return padded[self._known]  # -1, for none yet, is the last place


def _merged(view: MarketView, first: IntArray, closed: int, begins: IntArray, timeframe: Timeframe) -> Bars:
    """Return the `closed` first bars that begin at the bars `first` and go on to the next of them."""
    if closed == 0:
        none = np.zeros(0)
        return Bars.from_arrays(
            symbol=view.symbol,
            timeframe=timeframe,
            time=np.zeros(0, np.int64),
            **dict.fromkeys(("open", "high", "low", "close", "volume"), none),
        )
    last = np.append(first[1:], len(view))[:closed] - 1
    end = int(last[-1]) + 1
    starts = first[:closed]
    return Bars.from_arrays(
        symbol=view.symbol,
        timeframe=timeframe,
        time=begins[starts],
        open=view.open[starts],
        high=np.maximum.reduceat(view.high[:end], starts),
        low=np.minimum.reduceat(view.low[:end], starts),
        close=view.close[last],
        volume=np.add.reduceat(view.volume[:end], starts),
    )
