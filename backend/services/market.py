"""The use cases of market data: what is stored, and putting a file in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db import bars as sql
from backend.core.errors import NotFound
from backend.core.user import User
from market_data.errors import ImportRefused
from market_data.timeframe import Timeframe

FileFormat = Literal["csv", "parquet"]


@dataclass(frozen=True)
class StoredSeries:
    symbol: str
    timeframe: str
    source: str
    revision: int
    bar_count: int
    first_at: datetime | None
    last_at: datetime | None
    is_shared: bool


@dataclass(frozen=True)
class StoredBars:
    series: StoredSeries
    rows: Sequence[Any]  # Any: database rows of the table bars
    next_start: datetime | None


class Market:
    """Stored bars, as one user sees them: their own series before the shared ones."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def series(self, user: User, after: tuple[str, str], limit: int) -> Sequence[StoredSeries]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(sql.list_series(user.id, after=after, limit=limit))).mappings().all()
        return [_stored(row) for row in rows]

    async def bars(
        self,
        user: User,
        symbol: str,
        timeframe: Timeframe,
        span: tuple[datetime | None, datetime | None],
        limit: int,
    ) -> StoredBars:
        """Return stored bars, oldest first, and where to go on when there are more."""
        async with self._engine.connect() as connection:
            found = (await connection.execute(sql.find_series(symbol, timeframe, user.id))).mappings().one_or_none()
            if found is None:
                raise NotFound(f"no {timeframe} bars of {symbol} are stored; import them, or run a job that needs them")
            rows = (await connection.execute(sql.bars_between(found["id"], *span, limit + 1))).mappings().all()
        is_more = len(rows) > limit
        return StoredBars(_stored(found), rows[:limit], rows[limit]["time"] if is_more else None)


def import_file(
    engine: Engine, user: User, path: Path, timeframe: Timeframe, file_format: FileFormat
) -> list[StoredSeries]:
    """Put a price file into the store, whole or not at all; return the series it touched.

    What an admin imports is shared by all users; what others import is theirs alone. Bars of the same time are
    replaced; a series that a provider had filled is replaced as a whole, since the two may be adjusted differently.
    """
    owner_id = None if user.is_admin else user.id
    with engine.begin() as connection:
        symbols = _stage(connection, path, timeframe, file_format)
        _refuse_duplicates(connection, symbols)
        connection.execute(sql.INDEX_STAGE)
        # One order for all imports, so that two at a time wait for each other instead of deadlocking.
        return [_merge(connection, owner_id, symbol, number, timeframe) for symbol, number in sorted(symbols.items())]


def _stage(connection: Connection, path: Path, timeframe: Timeframe, file_format: FileFormat) -> dict[str, int]:
    import numpy as np  # noqa: PLC0415 - only imports need it; the web process starts without

    from backend.core.db.bar_columns import COLUMNS, STAGED_BAR, copy_in  # noqa: PLC0415 - the same
    from market_data.import_file import read_chunks  # noqa: PLC0415 - the same

    connection.execute(sql.CREATE_STAGE)
    numbers: dict[str, int] = {}
    for chunk in read_chunks(path, timeframe=timeframe, file_format=file_format):
        columns = {name: getattr(chunk, name) for name in COLUMNS}
        columns["symbol_number"] = [numbers.setdefault(symbol, len(numbers)) for symbol in chunk.symbol]
        columns["line"] = np.arange(len(chunk.time)) + chunk.first_line
        copy_in(connection, sql.COPY_IN_STAGE, STAGED_BAR, columns, len(chunk.time))
    return numbers


def _refuse_duplicates(connection: Connection, symbols: dict[str, int]) -> None:
    found = connection.execute(sql.FIRST_DUPLICATE).mappings().one_or_none()
    if found is not None:
        symbol = next(name for name, number in symbols.items() if number == found["symbol_number"])
        when = found["time"].astimezone(UTC).isoformat()
        raise ImportRefused(f"{symbol} at {when} was on line {found['first_line']} already", line=found["line"])


def _merge(
    connection: Connection, owner_id: UUID | None, symbol: str, number: int, timeframe: Timeframe
) -> StoredSeries:
    opened = connection.execute(sql.open_series(owner_id, symbol, timeframe, sql.IMPORTED)).mappings().one()
    if opened["source"] != sql.IMPORTED:
        connection.execute(sql.drop_bars(opened["id"]))
    connection.execute(sql.MERGE_STAGE, {"series_id": opened["id"], "symbol_number": number})
    return _stored(connection.execute(sql.close_series(opened["id"], sql.IMPORTED)).mappings().one())


def _stored(row: Any) -> StoredSeries:  # Any: a database row
    names = ("symbol", "timeframe", "source", "revision", "bar_count", "first_at", "last_at")
    return StoredSeries(**{name: row[name] for name in names}, is_shared=row["owner_id"] is None)
