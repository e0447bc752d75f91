"""`probe`: does as it is told. Operators check a deployment with it; fault tests and benchmarks too."""

from typing import Annotated, Literal

from pydantic import Field

from backend.core.jobs.payload import Contract

MAX_RESULT_BYTES = 60_000_000

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


class ProbePayload(Contract):
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

    @property
    def is_idle(self) -> bool:
        """Tell whether it was told to do nothing."""
        return self == ProbePayload()


class ProbeResult(Contract):
    attempt: int
    slept_s: float
    padding: str = ""
