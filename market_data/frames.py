"""Reads the columns of a pandas frame for `Bars.from_pandas`, which alone imports this file, and late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market_data.errors import BarsInvalid
from market_data.timeframe import DATED_TIMEFRAMES, Timeframe

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

PRICES: Final = ("open", "high", "low", "close")
TIMES: Final = ("time", "date")


class FrameColumns(TypedDict):
    time: ArrayLike
    open: ArrayLike
    high: ArrayLike
    low: ArrayLike
    close: ArrayLike
    volume: ArrayLike


def columns_of_frame(frame: pd.DataFrame, timeframe: Timeframe) -> FrameColumns:
    """Return the time and value columns of `frame`; a missing volume is 0. Other columns are left alone."""
    named = _columns_by_name(frame)
    missing = [name for name in PRICES if name not in named]
    if missing:
        raise BarsInvalid(f"a frame must have columns open, high, low, close; missing {', '.join(missing)}")
    return FrameColumns(
        time=_times(frame, named, timeframe),
        open=named["open"].to_numpy(),
        high=named["high"].to_numpy(),
        low=named["low"].to_numpy(),
        close=named["close"].to_numpy(),
        volume=named["volume"].to_numpy() if "volume" in named else np.zeros(len(frame)),
    )


def _columns_by_name(frame: pd.DataFrame) -> dict[str, pd.Series]:
    named: dict[str, pd.Series] = {}
    for position, label in enumerate(frame.columns):
        name = str(label).strip().lower()
        if name in named and name in (*PRICES, *TIMES, "volume"):
            raise BarsInvalid(f"a frame must have one column {name}, had two")
        named[name] = frame.iloc[:, position]
    return named


def _times(frame: pd.DataFrame, named: dict[str, pd.Series], timeframe: Timeframe) -> NDArray[np.datetime64]:
    clock = _clock(frame, named)
    if clock.tz is None:
        return clock.to_numpy()
    # A dated bar is named by the date on the exchange's own clock, all others by their instant.
    is_dated = timeframe in DATED_TIMEFRAMES
    return (clock.tz_localize(None) if is_dated else clock.tz_convert("UTC").tz_localize(None)).to_numpy()


def _clock(frame: pd.DataFrame, named: dict[str, pd.Series]) -> pd.DatetimeIndex:
    if isinstance(frame.index, pd.DatetimeIndex):
        return frame.index
    for name in TIMES:
        if name in named:
            try:
                return pd.DatetimeIndex(named[name])
            except (ValueError, TypeError) as error:
                raise BarsInvalid(f"column {name} must hold times: {error}") from error
    raise BarsInvalid(f"a frame must have a DatetimeIndex or a column time or date, had {type(frame.index).__name__}")
