"""What follows from a job's end, done and told by a worker, its keeper or the relay (backend/core/db/aftermath.py)."""

from collections.abc import Iterable

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from backend.core.db.aftermath import Aftermath, Ended, Steps, run, settling
from backend.core.jobs.job import JobSummary
from backend.core.logging import get_logger
from workers.announce import Herald

log = get_logger(__name__)


def follow_jobs(engine: Engine, herald: Herald, jobs: Iterable[JobSummary]) -> None:
    """Settle what follows from these jobs, of which some have ended when they ran."""
    follow(engine, herald, [Ended.of(job) for job in jobs if job.is_terminal])


def follow(engine: Engine, herald: Herald, ended: Iterable[Ended]) -> None:
    """Settle what follows from these ends. What cannot be done now, the relay does."""
    found = Aftermath()
    try:
        take(engine, herald, settling(ended, found), found)
    except SQLAlchemyError as error:
        log.warning("aftermath_left_to_relay", error=type(error).__name__)


def take(engine: Engine, herald: Herald, steps: Steps, found: Aftermath) -> None:
    """Take these steps, and tell what came of them, also of those before one that failed."""
    try:
        run(engine, steps)
    finally:
        herald.tell(found.jobs, list(found.bells.values()))
        herald.tell(found.progress, progress_only=True)
        herald.tell_batches(found.batches)
