"""A job as others see it: the whole of it in an answer, the moving part of it in an event."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from backend.core.jobs.lifecycle import TERMINAL, JobState


class JobError(BaseModel):
    """Why an attempt failed. The traceback is kept with the attempt, not here."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str


class JobSummary(BaseModel):
    """What changes while a job lives; lists and events carry it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    job_type: str
    user_id: UUID
    state: JobState
    priority: int
    attempt: int
    max_attempts: int
    progress: float
    stage: str | None
    counters: dict[str, int | float] | None = None
    summary: str | None = None
    request_id: str | None = None
    reused_from: UUID | None = None
    reproduces: UUID | None = None
    error: JobError | None
    created_at: datetime
    run_at: datetime
    deadline_at: datetime | None = None
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    schedule_id: UUID | None = None
    fire_at: datetime | None = None
    batch_id: UUID | None = None
    parent_id: UUID | None = None
    child_index: int | None = None
    version: int

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL

    @property
    def log_names(self) -> dict[str, str]:
        """Return what every line of a log about this job carries."""
        request = {} if self.request_id is None else {"request_id": self.request_id}
        return {"job_id": str(self.id), **request}


class JobView(JobSummary):
    """The whole job, as `GET /jobs/{id}` answers it."""

    payload: dict[str, Any]  # Any: JSON, in the shape of the type's payload model
    result: dict[str, Any] | None  # Any: JSON, in the shape of the type's result model

    @property
    def etag(self) -> str:
        return f'"{self.id.hex}-{self.version}"'


_SUMMARY = tuple(JobSummary.model_fields)


def summary_of(row: Mapping[Any, Any]) -> JobSummary:  # Any: a database row
    """Return the summary of a row that has all of its fields."""
    return JobSummary.model_validate({name: row[name] for name in _SUMMARY})


def view_of(row: Mapping[Any, Any]) -> JobView:  # Any: a database row
    return JobView.model_validate(dict(row))
