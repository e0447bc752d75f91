"""Deletes what ended long ago, in pieces that hold locks for a moment only. The relay does it, and `aitrader prune`."""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from backend.core.artifacts import ArtifactStore
from backend.core.db import pruning
from backend.core.db.reuse import UNNEEDED_FOLDERS

SHORT_S, LONG_S = 0.2, 1.0
"""A piece that takes less than the one is followed by a larger one, more than the other by a smaller one."""
LARGEST_PIECE = 1_000
DELIVERIES_AT_ONCE = 5_000


@dataclass(frozen=True)
class Ages:
    """After how long what ended is deleted."""

    jobs_s: float
    deliveries_s: float


@dataclass(frozen=True)
class Pruned:
    """What was deleted."""

    jobs: int = 0
    batches: int = 0
    deliveries: int = 0


@dataclass(frozen=True)
class Prunable:
    """What would be."""

    jobs: int
    attempts: int
    log_lines: int
    artifacts: int
    artifact_bytes: int
    batches: int
    deliveries: int


class Pruner:
    def __init__(self, engine: Engine, store: ArtifactStore) -> None:
        self._engine = engine
        self._store = store
        self._piece = 100

    def count(self, ages: Ages) -> Prunable:
        """Return what `prune` would delete now."""
        asked = {"age_s": ages.jobs_s, "delivery_age_s": ages.deliveries_s}
        with self._engine.connect() as connection:
            return Prunable(**connection.execute(pruning.COUNT_OLD, asked).mappings().one())

    def prune(self, ages: Ages, *, for_s: float = float("inf")) -> Pruned:
        """Delete all that is old enough, or as much of it as about `for_s` seconds allow."""
        stop_at = time.monotonic() + for_s
        jobs = batches = deliveries = 0
        is_more = True
        while is_more:
            piece, started = self._piece, time.monotonic()
            with self._engine.begin() as connection:
                some, empty = self._prune_jobs(connection, ages.jobs_s, piece)
            jobs, batches, is_more = jobs + some, batches + empty, some == piece and time.monotonic() < stop_at
            self._resize(time.monotonic() - started)
        is_more = True
        while is_more:
            asked = {"age_s": ages.deliveries_s, "limit": DELIVERIES_AT_ONCE}
            with self._engine.begin() as connection:
                some = connection.execute(pruning.DELETE_DELIVERIES, asked).rowcount
            deliveries, is_more = deliveries + some, some == DELIVERIES_AT_ONCE and time.monotonic() < stop_at
        return Pruned(jobs, batches, deliveries)

    def _prune_jobs(self, connection: Connection, age_s: float, limit: int) -> tuple[int, int]:
        """Delete some jobs; return how many, and how many batches ended with them.

        Files go first (those that no job shows any more which reuses their result): what a crash leaves behind is then
        a job whose files are gone, and it is found again.
        """
        connection.execute(pruning.ONE_AT_A_TIME)
        old = connection.execute(pruning.OLD_JOBS, {"age_s": age_s, "limit": limit}).all()
        ids = [row.id for row in old]
        for folder in connection.execute(UNNEEDED_FOLDERS, {"ids": ids}).scalars():
            self._store.drop_job(folder)
        if not old:
            return 0, 0
        connection.execute(pruning.DELETE_JOBS, {"ids": ids})
        batches = {row.batch_id for row in old if row.batch_id is not None}
        if not batches:
            return len(old), 0
        return len(old), connection.execute(pruning.DELETE_EMPTY_BATCHES, {"ids": list(batches)}).rowcount

    def _resize(self, took_s: float) -> None:
        if took_s > LONG_S:
            self._piece = max(1, self._piece // 2)
        elif took_s < SHORT_S:
            self._piece = min(LARGEST_PIECE, self._piece * 2)
