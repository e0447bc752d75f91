"""Parents, children and batches: what should have followed from a job's end, where whoever made it died before."""

from collections.abc import Callable

from sqlalchemy import Engine

from backend.core.db.aftermath import (
    Aftermath,
    Steps,
    sweeping_batches,
    sweeping_children,
    sweeping_parents,
    with_counts,
)
from backend.core.db.batches import state_counts, unannounced_batches
from backend.core.logging import get_logger
from workers.aftermath import take
from workers.announce import Herald

AT_ONCE = 500
ANNOUNCE_AFTER_S = 1.0

log = get_logger(__name__)


class Relatives:
    def __init__(self, engine: Engine, herald: Herald) -> None:
        self._engine = engine
        self._herald = herald

    def wake_parents(self) -> None:
        """Move the jobs that wait for nothing any more."""
        self._sweep("parents_swept", sweeping_parents)

    def cancel_abandoned_children(self) -> None:
        """Cancel the children whose parent has ended, or has started anew."""
        self._sweep("children_swept", sweeping_children)

    def finish_batches(self) -> None:
        """Finish batches whose last job has ended, and tell of those that nobody was told of."""
        self._sweep("batches_swept", sweeping_batches)
        with self._engine.connect() as connection:
            rows = connection.execute(unannounced_batches(ANNOUNCE_AFTER_S, AT_ONCE)).mappings().all()
            counts = connection.execute(state_counts([row["id"] for row in rows])).mappings().all() if rows else []
        self._herald.tell_batches(with_counts(rows, counts))

    def _sweep(self, event: str, steps: Callable[[int, Aftermath], Steps]) -> None:
        found = Aftermath()
        take(self._engine, self._herald, steps(AT_ONCE, found), found)
        if found.jobs or found.batches:
            log.info(event, jobs=len(found.jobs), batches=len(found.batches))
