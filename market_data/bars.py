"""Price bars of one symbol and timeframe: aligned, read-only columns, checked once and trusted after."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from market_data.errors import BarsInvalid
from market_data.symbols import check_symbol
from market_data.timeframe import DATED_TIMEFRAMES, NS_PER_DAY, Timeframe, check_timeframe

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ScalarT = TypeVar("ScalarT", bound=np.generic)

PRICE_COLUMNS: Final = ("open", "high", "low", "close")
VALUE_COLUMNS: Final = (*PRICE_COLUMNS, "volume")
COLUMNS: Final = ("time", *VALUE_COLUMNS)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Bars:
    """Columns of shape (n,), n >= 0: `time` is the bar's open in int64 ns UTC, the rest is float64.

    Columns are C-contiguous and read-only. Prices are finite and > 0, volume is finite and >= 0, time
    strictly increases, low <= min(open, close) and max(open, close) <= high. A bar of 1d or 1w stands at
    00:00 UTC of its session date. Two Bars hold the same data exactly if their fingerprints are equal.
    """

    symbol: str
    timeframe: Timeframe
    time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        check_timeframe(self.timeframe)
        _check_columns(self)
        _check_times(self)
        _check_values(self)

    @classmethod
    def from_arrays(
        cls,
        *,
        symbol: str,
        timeframe: Timeframe,
        time: ArrayLike,
        open: ArrayLike,  # noqa: A002 -- the column's name in all of finance
        high: ArrayLike,
        low: ArrayLike,
        close: ArrayLike,
        volume: ArrayLike,
    ) -> Self:
        """Return checked bars; raise BarsInvalid (or InvalidSymbol) at the first fault.

        time: int64 ns UTC or datetime64 of any unit; the rest: numbers. A read-only, contiguous array of
        the right dtype is taken as it is, so memory-mapped columns stay mapped; anything else is copied.
        """
        return cls(
            symbol=symbol,
            timeframe=timeframe,
            time=_time_column(time),
            open=_value_column("open", open),
            high=_value_column("high", high),
            low=_value_column("low", low),
            close=_value_column("close", close),
            volume=_value_column("volume", volume),
        )

    @classmethod
    def trusted(
        cls,
        *,
        symbol: str,
        timeframe: Timeframe,
        time: IntArray,
        open: FloatArray,  # noqa: A002 -- the column's name in all of finance
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
        volume: FloatArray,
    ) -> Self:
        """Return bars over these very columns, unchecked: only for what `from_arrays` once accepted.

        The caller gives the columns away and writes to them no more.
        """
        bars = object.__new__(cls)
        object.__setattr__(bars, "symbol", symbol)
        object.__setattr__(bars, "timeframe", timeframe)
        for name, column in zip(COLUMNS, (time, open, high, low, close, volume), strict=True):
            object.__setattr__(bars, name, _read_only(column))
        return bars

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, *, symbol: str, timeframe: Timeframe) -> Self:
        """Return checked bars of a frame with columns open, high, low, close and perhaps volume (else 0).

        Names may be in any case. Times come from a DatetimeIndex, else a column `time` or `date`; without a
        zone they are UTC. Bars of 1d and 1w keep the date on their own clock: midnight in New York is 00:00
        UTC of the same date.
        """
        from market_data.frames import columns_of_frame  # noqa: PLC0415 -- loads pandas

        return cls.from_arrays(symbol=symbol, timeframe=timeframe, **columns_of_frame(frame, timeframe))

    def to_pandas(self) -> pd.DataFrame:
        """Return a frame of the five value columns, indexed by `time` (UTC); `from_pandas` reads it back."""
        import pandas as pd  # noqa: PLC0415 -- slow to import, rarely needed

        index = pd.DatetimeIndex(self.time.view("datetime64[ns]"), name="time").tz_localize("UTC")
        return pd.DataFrame({name: getattr(self, name) for name in VALUE_COLUMNS}, index=index)

    def between(self, start_ns: int, end_ns: int) -> Self:
        """Return the bars whose time is in [start_ns, end_ns], both ends included, as views."""
        first = int(np.searchsorted(self.time, start_ns, side="left"))
        end = int(np.searchsorted(self.time, end_ns, side="right"))
        return self[first : max(first, end)]

    def time_utc(self, i: int) -> datetime:
        """Return the open of bar `i` as an aware datetime (whole microseconds)."""
        return _utc(int(self.time[i]))

    def fingerprint(self) -> str:
        """Return the SHA-256, in hex, of symbol, timeframe, length and the columns as little-endian bytes."""
        digest = hashlib.sha256(f"{self.symbol}\n{self.timeframe}\n{len(self)}\n".encode())
        digest.update(np.ascontiguousarray(self.time, dtype="<i8").data)
        for name in VALUE_COLUMNS:
            digest.update(np.ascontiguousarray(getattr(self, name), dtype="<f8").data)
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, rows: slice) -> Self:
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(f"bars are sliced with step 1, as in bars[:100]; was bars[{rows!r}]")
        return type(self).trusted(
            symbol=self.symbol,
            timeframe=self.timeframe,
            time=self.time[rows],
            open=self.open[rows],
            high=self.high[rows],
            low=self.low[rows],
            close=self.close[rows],
            volume=self.volume[rows],
        )

    def __repr__(self) -> str:
        if len(self) == 0:
            return f"Bars({self.symbol} {self.timeframe}, none)"
        first, last = self.time_utc(0), self.time_utc(-1)
        return f"Bars({self.symbol} {self.timeframe}, {len(self)} from {first} to {last})"

    def __reduce__(self) -> tuple[object, ...]:
        # numpy unpickles arrays writable; `trusted` locks them again.
        return _restored, (self.symbol, self.timeframe, *(getattr(self, name) for name in COLUMNS))


def _check_columns(bars: Bars) -> None:
    for name in COLUMNS:
        column = getattr(bars, name)
        expected = np.dtype(np.int64 if name == "time" else np.float64)
        if column.ndim != 1 or column.dtype != expected or column.flags.writeable:
            raise BarsInvalid(
                f"column {name} must be one-dimensional, read-only {expected} (see Bars.from_arrays), was "
                f"{column.ndim}-dimensional {column.dtype}"
            )
        if len(column) != len(bars.time):
            raise BarsInvalid(f"columns must have the same length; time has {len(bars.time)}, {name} {len(column)}")


def _check_times(bars: Bars) -> None:
    stuck = np.flatnonzero(bars.time[1:] <= bars.time[:-1])
    if stuck.size > 0:
        i = int(stuck[0]) + 1
        raise BarsInvalid(f"bar times must increase; bar {i} was {bars.time_utc(i)}, after {bars.time_utc(i - 1)}")
    if bars.timeframe not in DATED_TIMEFRAMES:
        return
    off_midnight = np.flatnonzero(bars.time % NS_PER_DAY)
    if off_midnight.size > 0:
        i = int(off_midnight[0])
        raise BarsInvalid(
            f"a {bars.timeframe} bar must stand at 00:00 UTC of its session; bar {i} was {bars.time_utc(i)}"
        )


def _check_values(bars: Bars) -> None:
    for name in PRICE_COLUMNS:
        # Written so that NaN fails it too.
        _refuse(
            bars,
            ~((getattr(bars, name) > 0.0) & np.isfinite(getattr(bars, name))),
            f"{name} must be finite and > 0",
        )
    _refuse(bars, ~((bars.volume >= 0.0) & np.isfinite(bars.volume)), "volume must be finite and >= 0")
    _refuse(bars, bars.low > np.minimum(bars.open, bars.close), "low must be at most open and close")
    _refuse(bars, bars.high < np.maximum(bars.open, bars.close), "high must be at least open and close")


def _refuse(bars: Bars, is_bad: BoolArray, rule: str) -> None:
    bad = np.flatnonzero(is_bad)
    if bad.size == 0:
        return
    i = int(bad[0])
    values = ", ".join(f"{name} {float(getattr(bars, name)[i])!r}" for name in VALUE_COLUMNS)
    raise BarsInvalid(f"{rule}; bar {i} at {bars.time_utc(i)} was {values}")


def _time_column(values: ArrayLike) -> IntArray:
    given = _array("time", values)
    if given.dtype.kind == "M":
        return _read_only(_ns_of_dates(given))
    if given.dtype.kind not in "iu" and given.size > 0:
        raise BarsInvalid(f"time must be int64 ns UTC or datetime64, was {given.dtype}")
    if given.dtype.kind == "u" and given.size > 0 and int(given.max()) > np.iinfo(np.int64).max:
        raise BarsInvalid(f"time must fit int64 ns UTC, was {int(given.max())}")
    return _owned(given, np.dtype(np.int64))


def _ns_of_dates(given: NDArray[np.generic]) -> IntArray:
    dates = cast("NDArray[np.datetime64]", given)
    in_ns = dates.astype("datetime64[ns]")
    # numpy overflows in silence; a time out of range, or finer than 1 ns, does not survive the way back.
    lost = np.flatnonzero(np.isnat(dates) | (in_ns.astype(dates.dtype) != dates))
    if lost.size > 0:
        i = int(lost.flat[0])
        raise BarsInvalid(f"time must be a date of the years 1678 to 2261, to the ns; bar {i} was {dates.flat[i]}")
    return in_ns.view(np.int64)


def _value_column(name: str, values: ArrayLike) -> FloatArray:
    given = _array(name, values)
    if given.dtype.kind not in "iuf":
        raise BarsInvalid(f"column {name} must hold numbers, was {given.dtype}")
    return _owned(given, np.dtype(np.float64))


def _array(name: str, values: ArrayLike) -> NDArray[np.generic]:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise BarsInvalid(f"column {name} must be one-dimensional: {error}") from error


def _owned(given: NDArray[np.generic], dtype: np.dtype[ScalarT]) -> NDArray[ScalarT]:
    if given.dtype == dtype and given.flags.c_contiguous and not given.flags.writeable:
        return cast("NDArray[ScalarT]", given)
    return _read_only(np.array(given, dtype=dtype, order="C"))


def _read_only(column: NDArray[ScalarT]) -> NDArray[ScalarT]:
    if not column.flags.writeable:
        return column
    locked = column.view()
    locked.flags.writeable = False
    return locked


def _utc(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1000)


def _restored(symbol: str, timeframe: Timeframe, *columns: NDArray[Any]) -> Bars:
    return Bars.trusted(symbol=symbol, timeframe=timeframe, **dict(zip(COLUMNS, columns, strict=True)))
