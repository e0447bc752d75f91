"""Recurring schedules: what a user sends, what is answered, and which moments a schedule fires at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from backend.core.cron import MAX_LENGTH, Cron
from backend.core.errors import Invalid, Problem
from backend.core.jobs.payload import FreeText
from backend.core.jobs.submission import JobOptions, Submission, problems_of, submission

CATCH_UP_LIMIT = 100
"""How many missed runs of one schedule are started at once; the rest follow in later rounds."""
ON_TIME = timedelta(minutes=1)
"""A run that starts so late still counts as on time."""
LAST_YEAR = 2200
MICROSECOND = timedelta(microseconds=1)
FIRST_WINDOW = timedelta(hours=1)
WINDOW_GROWTH = 8

CatchUp = Literal["skip", "latest", "all"]
Name = Annotated[FreeText, StringConstraints(min_length=1, max_length=100)]
Json = dict[str, Any]  # Any: JSON


class ScheduleRequest(BaseModel):
    """A new schedule."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: Annotated[Name, Field(description="Unique among the user's schedules.", examples=["nightly scan"])]
    job_type: Annotated[str, Field(max_length=64, examples=["pattern_scan"])]
    payload: Annotated[Json, Field(description="As in `POST /jobs`, and checked as there.")]
    options: Annotated[
        JobOptions,
        Field(description="Of each job, without `run_at` and `deadline_at`."),
    ] = JobOptions()
    cron: Annotated[
        str,
        StringConstraints(max_length=MAX_LENGTH),
        Field(description="Minute, hour, day of month, month, day of week.", examples=["30 22 * * 1-5"]),
    ]
    time_zone: Annotated[str, Field(max_length=64, examples=["America/New_York"])] = "UTC"
    catch_up: Annotated[
        CatchUp, Field(description="What becomes of runs that were missed while nothing ran: none, the last, all.")
    ] = "latest"
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    is_paused: bool = False

    @field_validator("starts_at", "ends_at")
    @classmethod
    def _in_reach(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and not 1 < moment.year <= LAST_YEAR:
            raise ValueError(f"expected a time before the year {LAST_YEAR + 1}")
        return None if moment is None else moment.astimezone(UTC)

    @field_validator("options")
    @classmethod
    def _without_a_time(cls, options: JobOptions) -> JobOptions:
        if options.run_at is not None or options.deadline_at is not None:
            raise ValueError("run_at and deadline_at must be left out: they would be the same at each run")
        return options

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.starts_at is not None and self.ends_at is not None and self.starts_at > self.ends_at:
            raise ValueError("starts_at must not be after ends_at")
        return self

    @property
    def submission(self) -> Submission:
        """Return the job that each run submits, checked as `POST /jobs` checks it."""
        try:
            return submission(self.job_type, self.payload, self.options)
        except Invalid as error:
            problems = [Problem(f"payload.{problem.path}", problem.message) for problem in error.problems]
            told = "; ".join(f"{problem.path}: {problem.message}" for problem in problems)
            raise Invalid(told or str(error), problems or [Problem("job_type", str(error))]) from error


class ScheduleChanges(BaseModel):
    """What shall be different. What is left out stays; null takes `starts_at` or `ends_at` away."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: Name | None = None
    job_type: Annotated[str | None, Field(max_length=64)] = None
    payload: Json | None = None
    options: JobOptions | None = None
    cron: Annotated[str | None, Field(max_length=MAX_LENGTH)] = None
    time_zone: Annotated[str | None, Field(max_length=64)] = None
    catch_up: CatchUp | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    is_paused: bool | None = None


class ScheduleError(BaseModel):
    """Why the last run that was due did not start."""

    code: str
    message: str
    fire_at: datetime
    at: datetime


class ScheduleView(BaseModel):
    """A schedule, as the API answers it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    user_id: UUID
    name: str
    job_type: str
    payload: Json
    options: Json
    cron: str
    time_zone: str
    description: str
    catch_up: CatchUp
    is_paused: bool
    starts_at: datetime | None
    ends_at: datetime | None
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    last_job_id: UUID | None
    last_error: ScheduleError | None
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True)
class Due:
    """Which runs are to be started now, and when the schedule is to be looked at next (None: never)."""

    fires: tuple[datetime, ...]
    next_fire_at: datetime | None


@dataclass(frozen=True)
class Timetable:
    cron: Cron
    catch_up: CatchUp
    starts_at: datetime | None
    ends_at: datetime | None

    @classmethod
    def of(cls, source: ScheduleRequest | Mapping[Any, Any]) -> Self:  # Any: a database row
        """Return the timetable of a request or of a row; Invalid when its expression or zone is none."""
        told = source.model_dump() if isinstance(source, ScheduleRequest) else source
        cron = Cron.parse(told["cron"], told["time_zone"])
        return cls(cron, told["catch_up"], told["starts_at"], told["ends_at"])

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """Return the next moments after one, `count` of them at most."""
        begin = after if self.starts_at is None else max(after, self.starts_at - MICROSECOND)
        fires = islice(self.cron.fires(begin), count)
        return list(takewhile(lambda fire: self.ends_at is None or fire <= self.ends_at, fires))

    def next_after(self, moment: datetime) -> datetime | None:
        return next(iter(self.upcoming(moment, 1)), None)

    def due(self, next_fire_at: datetime, now: datetime) -> Due:
        """Return what to start of the runs from `next_fire_at` to `now`, by the rule for missed ones."""
        if self.catch_up == "all":
            begin = next_fire_at - MICROSECOND
            fires = tuple(takewhile(lambda fire: fire <= now, self.upcoming(begin, CATCH_UP_LIMIT)))
            return Due(fires, self.next_after(fires[-1] if fires else now))
        last = self._last_between(next_fire_at, now)
        is_wanted = last is not None and (self.catch_up == "latest" or now - last < ON_TIME)
        return Due((last,) if is_wanted and last is not None else (), self.next_after(now))

    def _last_between(self, first: datetime, now: datetime) -> datetime | None:
        """Return the last run from `first` to `now`: looked for in windows that grow, so a long gap costs little."""
        window = FIRST_WINDOW
        while True:
            begin = max(first, now - window) - MICROSECOND
            last = None
            for fire in self.cron.fires(begin):
                if fire > now or (self.ends_at is not None and fire > self.ends_at):
                    break
                last = fire
            if last is not None or begin < first:
                return last
            window *= WINDOW_GROWTH


def schedule_of(row: Mapping[Any, Any]) -> ScheduleView:  # Any: a database row
    cron = Cron.parse(row["cron"], row["time_zone"])
    return ScheduleView.model_validate({**row, "description": f"{cron.description} ({row['time_zone']})"})


def job_of(row: Mapping[Any, Any]) -> Submission:  # Any: a database row
    """Return the job that a schedule's runs submit, as today's registry has it; Invalid when it is none any more."""
    return submission(row["job_type"], row["payload"], _options_of(row))


def request_of(row: Mapping[Any, Any], changes: ScheduleChanges) -> ScheduleRequest:  # Any: a database row
    """Return a schedule's row with some changes, as a request that is checked anew."""
    fields = ScheduleRequest.model_fields
    kept: dict[str, Any] = {name: row[name] for name in fields}  # Any: column values
    kept["options"] = _options_of(row)
    for name in changes.model_fields_set:
        value = getattr(changes, name)
        if value is None and name not in {"starts_at", "ends_at"}:
            raise Invalid(f"{name} must not be null; leave it out to keep it", [Problem(name, "must not be null")])
        kept[name] = value
    try:
        return ScheduleRequest.model_validate(kept)
    except ValidationError as error:
        problems = problems_of(error)
        raise Invalid("; ".join(f"{p.path}: {p.message}" for p in problems), problems) from error


def _options_of(row: Mapping[Any, Any]) -> JobOptions:  # Any: a database row
    try:
        return JobOptions.model_validate_json(json.dumps(row["options"]))
    except ValidationError as error:
        raise Invalid(f"options of another version: {error}") from error
