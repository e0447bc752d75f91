"""Fails jobs that wait and whose deadline has passed. A running one is ended by its handler, or by its keeper."""

from sqlalchemy import Engine

from backend.core.db import upkeep
from backend.core.db.aftermath import Ended
from backend.core.jobs.job import summary_of
from backend.core.logging import get_logger
from workers.aftermath import follow
from workers.announce import Herald
from workers.ending import DEADLINE

BATCH = 500

log = get_logger(__name__)


def fail_expired_jobs(engine: Engine, herald: Herald) -> None:
    """Give up what may not run any more, however much of it there is."""
    is_more = True
    while is_more:
        with engine.begin() as connection:
            rows = connection.execute(upkeep.expired_jobs(BATCH, DEADLINE)).mappings().all()
        herald.tell([summary_of(row) for row in rows])
        follow(engine, herald, [Ended.of_row(row) for row in rows])
        if rows:
            log.info("jobs_expired", count=len(rows))
        is_more = len(rows) == BATCH
