"""`probe`: does as it is told. Operators check a deployment with it; fault tests and benchmarks too.

It may fan out into probes, and those into probes once more.
"""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import Field

from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.outcomes import ChildFailurePolicy
from backend.core.jobs.payload import Contract

MAX_RESULT_BYTES = 60_000_000
MAX_CHILDREN = 1_000

Failure = Literal[
    "error",
    "invalid",
    "memory_error",
    "exit",  # SystemExit
    "unpicklable",  # an exception that holds what no pickle can
    "unspeakable",  # an exception that fails when it is asked for its text
    "unstorable",  # an exception whose text Postgres cannot hold
    "bad_result",  # a result that no JSON can hold
    "segfault",
    "vanish",  # the process ends, with exit code 0 and without a word
]


class ProbeWork(Contract):
    """What one probe does by itself."""

    sleep_s: Annotated[float, Field(ge=0, le=3600, description="How long it takes, in all.")] = 0.0
    steps: Annotated[int, Field(ge=1, le=100_000, description="How many times it reports progress.")] = 1
    native_s: Annotated[
        float, Field(ge=0, le=600, description="About how long it then computes in one call that nothing interrupts.")
    ] = 0.0
    ignore_cancel: Annotated[bool, Field(description="Never look whether it should stop.")] = False
    soft_limit_s: Annotated[
        float | None, Field(gt=0, description="A soft time limit of its own, where that is below the type's.")
    ] = None
    fail_attempts: Annotated[int, Field(ge=0, le=100, description="How many first attempts fail.")] = 0
    fail_with: Failure = "error"
    result_bytes: Annotated[int, Field(ge=0, le=MAX_RESULT_BYTES)] = 0
    allocate_mb: Annotated[int, Field(ge=0, le=16_384)] = 0
    log_lines: Annotated[int, Field(ge=0, le=100_000, description="How many lines it logs, before anything else.")] = 0


class _Parent(ProbeWork):
    on_child_failure: Annotated[
        ChildFailurePolicy, Field(description="Whether a child that does not succeed fails this probe, too.")
    ] = "fail"
    merge_sleep_s: Annotated[float, Field(ge=0, le=3600, description="How long the merge step takes.")] = 0.0
    merge_fail_attempts: Annotated[int, Field(ge=0, le=100, description="How many first attempts fail merging.")] = 0


def _children(of: str) -> object:
    return Field(description=f"{of}, or how many plain ones. They are started once this probe has slept.")


class ProbeBranch(_Parent):
    """A child that may have children."""

    children: Annotated[
        Annotated[int, Field(ge=0, le=MAX_CHILDREN)] | Annotated[tuple[ProbeWork, ...], Len(0, MAX_CHILDREN)],
        _children("The children's children"),
    ] = 0


class ProbePayload(_Parent):
    children: Annotated[
        Annotated[int, Field(ge=0, le=MAX_CHILDREN)] | Annotated[tuple[ProbeBranch, ...], Len(0, MAX_CHILDREN)],
        _children("Probes to be started as children"),
    ] = 0

    @property
    def is_idle(self) -> bool:
        """Tell whether it was told to do nothing."""
        return self == ProbePayload()


class FailedChild(Contract):
    index: int
    state: JobState
    code: str | None
    message: str | None


class ProbeResult(Contract):
    attempt: int
    slept_s: float
    padding: str = ""
    succeeded_children: int = 0
    failed_children: tuple[FailedChild, ...] = ()
