"""The bodies of `POST /jobs` and `POST /jobs/batch`: one shape a job type, told apart by `job_type`."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from backend.api.json_body import JsonBody
from backend.core.jobs.batch import LONGEST_NAME, MAX_JOBS
from backend.core.jobs.payload import FreeText
from backend.core.jobs.registry import JOB_TYPES, JobSpec
from backend.core.jobs.submission import JobOptions, Submission


def _request_model(spec: JobSpec) -> Any:  # Any: a class made at run time
    tag: Any = Literal[spec.job_type]  # Any: a type form made at run time
    name = "Submit" + "".join(part.title() for part in spec.job_type.split("_"))
    return create_model(
        name,
        __base__=JobOptions,
        __doc__=f"{spec.title}.",
        job_type=(tag, ...),
        payload=(spec.payload, ...),
    )


_MODELS = [_request_model(spec) for spec in JOB_TYPES.values()]
_AnyJob: Any = Annotated[reduce(or_, _MODELS), Field(discriminator="job_type")]  # Any: a type form made at run time
SUBMIT_JOB = JsonBody("SubmitJob", _AnyJob, tag_at=0)


class SubmitBatch(BaseModel):
    """Jobs that are started together, or not at all."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    jobs: Annotated[tuple[_AnyJob, ...], Len(1, MAX_JOBS)]
    name: Annotated[FreeText | None, StringConstraints(max_length=LONGEST_NAME)] = None


SUBMIT_BATCH = JsonBody("SubmitBatch", SubmitBatch, tag_at=2)  # jobs.17.<its type>.payload


_OPTIONS = tuple(JobOptions.model_fields)


def submission_of(request: Any) -> Submission:  # Any: one of the classes made above
    """Return what a validated body asks for."""
    options = JobOptions.model_construct(**{name: getattr(request, name) for name in _OPTIONS})
    return Submission(JOB_TYPES[request.job_type], request.payload, options)
