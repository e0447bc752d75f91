"""One attempt at a job: who ran it, when, and how it ended."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from backend.core.jobs.lifecycle import JobState

EndOfAttempt = Literal["succeeded", "failed", "cancelled", "given_back", "fanned_out", "lost", "timed_out"]


class AttemptError(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    message: str
    traceback: str | None = None


class Attempt(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    attempt: int
    worker_id: str
    worker_pid: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: EndOfAttempt | Literal["running"]
    error: AttemptError | None = None


def attempt_of(row: Mapping[Any, Any]) -> Attempt:  # Any: a database row
    return Attempt.model_validate(dict(row))


def open_attempt(job: Mapping[Any, Any]) -> list[Attempt]:  # Any: a database row
    """Return the attempt that runs now, in a list that is empty when none does."""
    if job["state"] != JobState.RUNNING:
        return []
    return [Attempt.model_validate({**job, "outcome": "running", "error": None})]
