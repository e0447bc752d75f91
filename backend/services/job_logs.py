"""What jobs logged, for their owners."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db.job_logs import lines_of
from backend.core.jobs.log_line import Level, LogLine, levels_from, log_line_of


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """Which lines of a job are wanted. `after`: the id of the last line that is known already."""

    attempt: int | None = None
    least: Level | None = None
    after: int = 0
    limit: int = 1_000


@dataclass(frozen=True)
class LogPage:
    """`next_after` is None on the last page; a job that runs may log more all the same."""

    lines: Sequence[LogLine]
    next_after: int | None


async def read_log(engine: AsyncEngine, job_id: UUID, wanted: LogFilter) -> LogPage:
    """Return one page of the lines of a job that the caller may see, the oldest first."""
    levels = None if wanted.least is None else levels_from(wanted.least)
    statement = lines_of(job_id, attempt=wanted.attempt, levels=levels, after=wanted.after, limit=wanted.limit + 1)
    async with engine.connect() as connection:
        rows = (await connection.execute(statement)).mappings().all()
    lines = [log_line_of(row) for row in rows[: wanted.limit]]
    return LogPage(lines, lines[-1].id if len(rows) > wanted.limit else None)
