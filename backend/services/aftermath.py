"""What follows from a job's end, done and told by the web process; what it cannot do now, the relay does."""

from collections.abc import Sequence

from sqlalchemy import RowMapping
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db.aftermath import Aftermath, Ended, Steps, settling
from backend.core.logging import get_logger
from backend.services.announcer import Announcer, Change

log = get_logger(__name__)


async def settle(engine: AsyncEngine, announcer: Announcer, ended: Sequence[Ended]) -> None:
    """Settle what follows from these ends. It never fails: they are committed, and stand."""
    found = Aftermath()
    try:
        await _run(engine, settling(ended, found))
    except SQLAlchemyError as error:
        log.warning("aftermath_left_to_relay", error=type(error).__name__)
    for job in (*found.jobs, *found.progress):
        announcer.tell(Change(job, found.bells.get(job.id)))
    for batch in found.batches:
        announcer.tell(batch)


async def _run(engine: AsyncEngine, steps: Steps) -> None:
    rows: Sequence[RowMapping] | None = None
    while True:
        try:
            statement = next(steps) if rows is None else steps.send(rows)
        except StopIteration:
            return
        async with engine.begin() as connection:
            rows = (await connection.execute(statement)).mappings().all()
