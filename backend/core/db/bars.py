"""The statements on bar series and bars.

A series belongs to one user, or to all (`owner_id` NULL: what providers brought and admins imported). A user's own
series hides the shared one of the same symbol and timeframe.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Select, Update, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from backend.core.db.tables import bar_series, bars

IMPORTED = "import"


def find_series(symbol: str, timeframe: str, user_id: UUID | None) -> Select[Any]:
    """Select the series this user sees under that name: their own, else the shared one; for None, the shared one."""
    return (
        select(bar_series)
        .where(bar_series.c.symbol == symbol, bar_series.c.timeframe == timeframe, _visible(user_id))
        .order_by(bar_series.c.owner_id.asc().nulls_last())
        .limit(1)
    )


def list_series(user_id: UUID, *, after: tuple[str, str] = ("", ""), limit: int = 1_000) -> Select[Any]:
    """Select the series a user sees, by symbol and timeframe, each name once."""
    return (
        select(bar_series)
        .distinct(bar_series.c.symbol, bar_series.c.timeframe)
        .where(_visible(user_id), func.row(bar_series.c.symbol, bar_series.c.timeframe) > func.row(*after))
        .order_by(bar_series.c.symbol, bar_series.c.timeframe, bar_series.c.owner_id.asc().nulls_last())
        .limit(limit)
    )


def shared_symbols(timeframe: str) -> Select[Any]:
    """Select the symbols whose bars all users see, by name."""
    is_shared = bar_series.c.owner_id.is_(None) & (bar_series.c.bar_count > 0)
    return (
        select(bar_series.c.symbol).where(bar_series.c.timeframe == timeframe, is_shared).order_by(bar_series.c.symbol)
    )


def bars_between(series_id: int, start: datetime | None, end: datetime | None, limit: int) -> Select[Any]:
    """Select bars from `start` to `end`, both included, oldest first."""
    statement = select(bars).where(bars.c.series_id == series_id)
    if start is not None:
        statement = statement.where(bars.c.time >= start)
    if end is not None:
        statement = statement.where(bars.c.time <= end)
    return statement.order_by(bars.c.time).limit(limit)


def open_series(owner_id: UUID | None, symbol: str, timeframe: str, source: str) -> ReturningInsert[Any]:
    """Insert the series or lock the one there is; the row says where it came from before."""
    statement = insert(bar_series).values(
        owner_id=owner_id, symbol=symbol, timeframe=timeframe, source=source, revision=0, bar_count=0
    )
    return statement.on_conflict_do_update(
        constraint="bar_series_owner_id_symbol_timeframe_key", set_={"updated_at": func.now()}
    ).returning(bar_series)


def drop_bars(series_id: int) -> Delete:
    return delete(bars).where(bars.c.series_id == series_id)


def close_series(series_id: int, source: str) -> Update:
    """Write down what the series now holds, as its next revision."""
    mine = bars.c.series_id == series_id
    return (
        update(bar_series)
        .where(bar_series.c.id == series_id)
        .values(
            source=source,
            revision=bar_series.c.revision + 1,
            bar_count=select(func.count()).where(mine).scalar_subquery(),
            first_at=select(func.min(bars.c.time)).where(mine).scalar_subquery(),
            last_at=select(func.max(bars.c.time)).where(mine).scalar_subquery(),
            updated_at=func.now(),
        )
        .returning(bar_series)
    )


CREATE_STAGE = text(
    """
CREATE TEMP TABLE staged_bars (
  symbol_number int, time timestamptz, open float8, high float8, low float8, close float8, volume float8, line bigint
) ON COMMIT DROP
"""
)
FIRST_DUPLICATE = text(
    """
SELECT symbol_number, time, min(line) AS first_line, max(line) AS line FROM staged_bars
GROUP BY symbol_number, time HAVING count(*) > 1 ORDER BY max(line) LIMIT 1
"""
)
MERGE_STAGE = text(
    """
INSERT INTO bars (series_id, time, open, high, low, close, volume)
SELECT :series_id, time, open, high, low, close, volume FROM staged_bars WHERE symbol_number = :symbol_number
ON CONFLICT (series_id, time) DO UPDATE SET
  open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume
"""
)
INDEX_STAGE = text("CREATE INDEX ON staged_bars (symbol_number, time)")

COPY_IN_STAGE = "COPY staged_bars FROM STDIN (FORMAT binary)"
COPY_IN_BARS = "COPY bars (series_id, time, open, high, low, close, volume) FROM STDIN (FORMAT binary)"
COPY_OUT_BARS = """
COPY (SELECT time, open, high, low, close, volume FROM bars WHERE series_id = {series_id:d} ORDER BY time)
TO STDOUT (FORMAT binary)
"""


def _visible(user_id: UUID | None) -> Any:  # Any: a SQLAlchemy condition
    is_shared = bar_series.c.owner_id.is_(None)
    return is_shared if user_id is None else or_(bar_series.c.owner_id == user_id, is_shared)
