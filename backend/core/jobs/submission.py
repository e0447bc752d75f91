"""What a caller sends to start a job, and the row that becomes of it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from backend.core.errors import Conflict, Forbidden, Invalid, Problem
from backend.core.ids import new_id
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.payload import Contract
from backend.core.jobs.registry import JOB_TYPES, JobSpec, Role
from backend.core.jobs.reuse import reuse_key
from backend.core.request_ids import current_request_id
from backend.core.user import User
from backend.settings import JobSettings

LONGEST_SHOWN = 80
LONGEST_LIFE_S = 366 * 86_400


class JobOptions(BaseModel):
    """What may be said about any job, beside its type and payload."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    priority: Annotated[int, Field(ge=0, le=9, description="0 runs first, 9 last.")] = 5
    run_at: Annotated[AwareDatetime | None, Field(description="Not before this time.")] = None
    max_attempts: Annotated[int | None, Field(ge=1, le=20, description="The type's own, when left out.")] = None
    deadline_at: Annotated[
        AwareDatetime | None, Field(description="Failed with `deadline_exceeded` when it has not ended by then.")
    ] = None
    expires_in_s: Annotated[
        float | None,
        Field(gt=0, le=LONGEST_LIFE_S, description="The same, as seconds from now. Only one may be given."),
    ] = None

    reuse: Annotated[
        Literal["allow", "never"],
        Field(description="`allow`: an earlier result answers at once, where it must be the same."),
    ] = "allow"

    @field_validator("run_at", "deadline_at")
    @classmethod
    def _in_utc(cls, moment: datetime | None) -> datetime | None:
        try:
            return None if moment is None else moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("expected a time of the years 1 to 9999 in UTC") from error

    @model_validator(mode="after")
    def _end_after_start(self) -> Self:
        if self.deadline_at is not None and self.expires_in_s is not None:
            raise ValueError("expected deadline_at or expires_in_s, both were given")
        if self.deadline_at is not None and self.run_at is not None and self.deadline_at <= self.run_at:
            raise ValueError(f"expected deadline_at after run_at ({self.run_at}), it was {self.deadline_at}")
        return self

    def deadline(self, now: datetime) -> datetime | None:
        """Return when the job must have ended, if it is accepted now."""
        return self.deadline_at if self.expires_in_s is None else now + timedelta(seconds=self.expires_in_s)


@dataclass(frozen=True)
class Submission:
    """A valid request for one job."""

    spec: JobSpec
    payload: Contract
    options: JobOptions
    origin: Mapping[str, Any] = field(default_factory=dict)  # Any: column values
    """Where the job comes from, when nobody asked for this very job: a schedule and the time of its run; a record."""

    @property
    def request_hash(self) -> bytes:
        """Return what tells one request from another, for idempotency keys."""
        told = {
            "job_type": self.spec.job_type,
            "payload": self.payload.model_dump(mode="json"),
            "options": self.options.model_dump(mode="json"),
            **({"reproduces": str(self.origin["reproduces"])} if "reproduces" in self.origin else {}),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()

    def require_time_left(self, now: datetime) -> None:
        """Raise Invalid when the job's deadline would come before it could run."""
        earliest = now if self.options.run_at is None else max(now, self.options.run_at)
        deadline = self.options.deadline(now)
        if deadline is not None and deadline <= earliest:
            told = f"expected a deadline after {earliest.isoformat()}, it was {deadline.isoformat()}"
            name = "deadline_at" if self.options.expires_in_s is None else "expires_in_s"
            raise Invalid(told, [Problem(name, told)])

    @cached_property
    def reuse_key(self) -> bytes | None:
        """Return what this has in common with jobs whose results would do; None: it is of no such type."""
        terms = self.spec.reuse
        if terms is None:
            return None
        return reuse_key(self.spec.job_type, terms.engine_version, self.payload, hints=self.spec.hints)

    @property
    def may_reuse(self) -> bool:
        """Tell whether an earlier result may answer this: not one that is to be made later, perhaps of later bars."""
        return self.spec.reuse is not None and self.options.reuse == "allow" and self.options.run_at is None

    def new_row(self, user: User, idempotency_key: str | None) -> dict[str, Any]:  # Any: column values
        """Return the row of a new job."""
        return {"payload": self.payload.model_dump(mode="json")} | self.new_columns(user, idempotency_key)

    def new_columns(self, user: User, idempotency_key: str | None) -> dict[str, Any]:  # Any: column values
        """Return the row of a new job, but for its payload, which many rows together are written with at less cost."""
        self.require_role(user)
        run_at = self.options.run_at
        now = datetime.now(UTC)
        is_later = run_at is not None and run_at > now
        row: dict[str, Any] = {
            "id": new_id(),
            "job_type": self.spec.job_type,
            "queue": self.spec.queue,
            "user_id": user.id,
            "state": JobState.SCHEDULED if is_later else JobState.QUEUED,
            "priority": self.options.priority,
            "max_attempts": self.options.max_attempts or self.spec.max_attempts,
            "is_short": self.spec.is_short(self.payload),
            "deadline_at": self.options.deadline(now),
            "idempotency_key": idempotency_key,
            "request_hash": b"" if idempotency_key is None else self.request_hash,
            "request_id": current_request_id(),
            "reuse_key": self.reuse_key,
        }
        return row | ({"run_at": run_at} if is_later else {}) | dict(self.origin)

    def require_role(self, user: User) -> None:
        if user.role not in self.spec.roles:
            allowed = ", ".join(sorted(self.spec.roles))
            raise Forbidden(f"a {self.spec.job_type} needs the role {allowed}; {user.name} has {user.role}")


def submission(job_type: str, payload: Mapping[str, Any], options: JobOptions | None = None) -> Submission:
    """Return a checked submission from plain values; Invalid says what is wrong, and where."""
    spec = JOB_TYPES.get(job_type)
    if spec is None:
        raise Invalid(f"job_type must be one of {', '.join(JOB_TYPES)}, it was {job_type!r}")
    try:
        text = json.dumps(payload, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Invalid(f"the payload must be JSON: {error}") from error
    try:
        checked = spec.payload.model_validate_json(text)
    except ValidationError as error:
        raise Invalid(f"the payload is not a valid {job_type} payload: {error}", problems_of(error)) from error
    return Submission(spec, checked, options or JobOptions())


def reproduction_of(row: Mapping[Any, Any]) -> Submission:  # Any: a database row
    """Return what runs the record of this job again; raises Conflict for a job that cannot be."""
    spec, state = JOB_TYPES[row["job_type"]], row["state"]
    if not spec.is_reproducible:
        able = ", ".join(name for name, other in JOB_TYPES.items() if other.is_reproducible)
        raise Conflict(f"only jobs of these types can be reproduced: {able}; this one is a {spec.job_type}")
    if state != JobState.SUCCEEDED:
        raise Conflict(f"only a succeeded job can be reproduced; this one is {state}")
    try:
        payload = spec.payload.model_validate_json(json.dumps(row["payload"]))
    except ValidationError as error:
        raise Conflict(f"the payload of this job cannot be read any more: {error}") from error
    # The payload as it was stored: the hash over it is the seed.
    origin = {"reproduces": row["id"], "payload": row["payload"], "reuse_key": None}
    return Submission(spec, payload, JobOptions(reuse="never"), origin)


def problems_of(error: ValidationError, *, tag_at: int | None = None) -> list[Problem]:
    """Return where a document is wrong; at `tag_at` of each path stands a union's tag, which says nothing new."""
    return [
        Problem(_path(found["loc"], tag_at), _told(found["msg"], found["input"]))
        for found in error.errors(include_url=False)
    ]


def lane_cap(user: User, limits: JobSettings) -> int | None:
    """Return how many jobs of a queue the user may have running at once; None: any number."""
    return lane_caps(limits)[user.role]


def lane_caps(limits: JobSettings) -> dict[Role, int | None]:
    return {"free": limits.free_max_running, "premium": limits.premium_max_running, "admin": limits.admin_max_running}


def unfinished_cap(user: User, limits: JobSettings) -> int | None:
    """Return how many unfinished jobs the user may have, in all queues; None: any number."""
    caps = {
        "free": limits.free_max_unfinished,
        "premium": limits.premium_max_unfinished,
        "admin": limits.admin_max_unfinished,
    }
    return caps[user.role]


def _path(place: tuple[int | str, ...], tag_at: int | None) -> str:
    parts = place if tag_at is None else (*place[:tag_at], *place[tag_at + 1 :])
    return ".".join(map(str, parts))


def _told(message: str, value: object) -> str:
    shown = repr(value)
    return f"{message}; it was {shown}" if len(shown) <= LONGEST_SHOWN else message
