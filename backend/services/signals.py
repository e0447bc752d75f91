"""The use cases of signals: what was suggested, and how good it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db import signals as sql
from backend.core.db.signals import SignalFilter
from backend.core.signals import SignalView, signal_of
from backend.services.jobs import page_place, parse_page_cursor

BPS = 1e-4


@dataclass(frozen=True)
class SignalPage:
    signals: Sequence[SignalView]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class Performance:
    """How the signals of one action fared that the same models gave; None where none of them is scored yet."""

    action: str
    models: dict[str, str]
    is_in_sample: bool
    is_look_back: bool
    signal_count: int
    scored_count: int
    hit_rate: float | None
    mean_probability: float | None
    brier: float | None
    mean_expected_return_frac: float | None
    mean_return_frac: float | None
    mean_return_after_cost_frac: float | None
    first_as_of: datetime
    last_as_of: datetime


class Signals:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, wanted: SignalFilter, cursor: str | None, limit: int) -> SignalPage:
        """Return one page, newest first, and the cursor of the next."""
        before = None if cursor is None else parse_page_cursor(cursor)
        rows = await self._rows(sql.list_signals(wanted, before, limit))
        found = [signal_of(row) for row in rows]
        is_full = len(found) == limit
        return SignalPage(found, page_place(found[-1].created_at, found[-1].id) if is_full else None)

    async def newest(self, user_id: UUID | None, limit: int) -> Sequence[SignalView]:
        rows = await self._rows(sql.list_signals(SignalFilter(user_id=user_id), None, limit))
        return [signal_of(row) for row in rows]

    async def performance(self, wanted: SignalFilter, cost_bps_round_trip: float) -> list[Performance]:
        rows = await self._rows(sql.performance(wanted, cost_bps_round_trip * BPS))
        return [Performance(**row) for row in rows]

    async def _rows(self, statement: Any) -> Sequence[Any]:  # Any: a select, and database rows
        async with self._engine.connect() as connection:
            return (await connection.execute(statement)).mappings().all()
