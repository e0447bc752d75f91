"""A batch: jobs that were submitted together, seen as one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from backend.core.jobs.lifecycle import JobState

MAX_JOBS = 1_000
LONGEST_NAME = 200


class StateCounts(BaseModel):
    """How many jobs are in each state, at one moment."""

    model_config = ConfigDict(frozen=True)

    scheduled: int = 0
    queued: int = 0
    running: int = 0
    waiting: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0


class BatchSummary(BaseModel):
    """What events and lists tell of a batch. `finished_at`: when the last of its jobs ended."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    user_id: UUID
    name: str | None
    job_count: int
    counts: StateCounts
    created_at: datetime
    finished_at: datetime | None


class BatchView(BatchSummary):
    """The whole batch, with the ids of its jobs in the order of their submission."""

    jobs: tuple[UUID, ...]


def batch_of(row: Mapping[Any, Any], counts: Mapping[JobState, int]) -> BatchSummary:  # Any: a database row
    return BatchSummary.model_validate({**row, "counts": StateCounts(**{str(k): v for k, v in counts.items()})})
