"""Bars in and out of Postgres as whole columns, in COPY's binary form.

All fields are eight bytes (or four, for the symbol's number) and never null, so every row has the same size and a
numpy record array is the wire format: no value is ever a Python object on its way.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping, select

from backend.core.db import bars as sql
from backend.core.db.tables import bar_series
from market_data.bars import Bars
from market_data.timeframe import Timeframe

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
EPOCH_2000_US = 946_684_800_000_000
COLUMNS = ("time", "open", "high", "low", "close", "volume")


def _record(*fields: tuple[str, str]) -> np.dtype[Any]:  # Any: a record of mixed fields
    parts = [("count", ">i2")]
    for name, kind in fields:
        parts += [(f"{name}_size", ">i4"), (name, kind)]
    return np.dtype(parts)


VALUES = tuple((name, ">f8") for name in COLUMNS[1:])
BAR = _record(("time", ">i8"), *VALUES)
STORED_BAR = _record(("series_id", ">i8"), ("time", ">i8"), *VALUES)
STAGED_BAR = _record(("symbol_number", ">i4"), ("time", ">i8"), *VALUES, ("line", ">i8"))


@dataclass(frozen=True)
class Series:
    """What the store knows of one symbol and timeframe, beside its bars."""

    id: int
    symbol: str
    timeframe: Timeframe
    source: str
    revision: int


def replace_series(connection: Connection, owner_id: UUID | None, bars: Bars, source: str) -> Series:
    """Store the bars as the whole of their series, in the caller's transaction; return what is then stored.

    An import is kept as it is: it may have come while a provider was still being asked.
    """
    opened = connection.execute(sql.open_series(owner_id, bars.symbol, bars.timeframe, source)).mappings().one()
    if opened["source"] == sql.IMPORTED and opened["revision"] > 0:
        return series_of(opened)
    series_id = int(opened["id"])
    connection.execute(sql.drop_bars(series_id))
    columns = {name: getattr(bars, name) for name in COLUMNS}
    copy_in(connection, sql.COPY_IN_BARS, STORED_BAR, {"series_id": series_id, **columns}, len(bars))
    return series_of(connection.execute(sql.close_series(series_id, source)).mappings().one())


def read_series(connection: Connection, series_id: int) -> Series:
    """Return a series as it is in the caller's transaction."""
    statement = select(bar_series).where(bar_series.c.id == series_id)
    return series_of(connection.execute(statement).mappings().one())


def series_of(row: RowMapping) -> Series:
    return Series(row["id"], row["symbol"], row["timeframe"], row["source"], row["revision"])


def copy_in(
    connection: Connection,
    statement: str,
    record: np.dtype[Any],  # Any: a record of mixed fields
    columns: dict[str, Any],  # Any: an array or one number for all rows
    row_count: int,
) -> None:
    """Send columns to Postgres; `time` is int64 ns since 1970."""
    rows = np.zeros(row_count, dtype=record)
    fields = [name for name in record.names or () if not name.endswith("_size") and name != "count"]
    rows["count"] = len(fields)
    for name in fields:
        rows[f"{name}_size"] = record[name].itemsize
        rows[name] = columns[name] // 1_000 - EPOCH_2000_US if name == "time" else columns[name]
    cursor = connection.connection.cursor()
    with cursor.copy(statement) as copy:
        copy.write(HEADER)
        copy.write(rows.data.cast("B"))
        copy.write(TRAILER)


def read_columns(connection: Connection, series_id: int) -> NDArray[np.int64]:
    """Return all bars of a series, shape (6, n): time in ns since 1970, then the bits of the five float columns."""
    cursor = connection.connection.cursor()
    with cursor.copy(sql.COPY_OUT_BARS.format(series_id=series_id)) as copy:
        wire = b"".join(copy)
    rows = np.frombuffer(wire, dtype=BAR, offset=len(HEADER), count=(len(wire) - len(HEADER)) // BAR.itemsize)
    columns = np.empty((len(COLUMNS), len(rows)), dtype=np.int64)
    columns[0] = (rows["time"] + EPOCH_2000_US) * 1_000
    for i, name in enumerate(COLUMNS[1:], start=1):
        columns[i].view(np.float64)[:] = rows[name]
    return columns


def bars_of(series: Series, columns: NDArray[np.int64]) -> Bars:
    """Return the bars over columns that `read_columns` made, without copying."""
    values = {name: columns[i].view(np.float64) for i, name in enumerate(COLUMNS) if i > 0}
    return Bars.trusted(symbol=series.symbol, timeframe=series.timeframe, time=columns[0], **values)
