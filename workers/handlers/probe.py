"""`probe`: sleeps, fails, allocates and reports progress as told."""

import os
import signal
import sys
import time

from backend.core.jobs.outcomes import InvalidJob, Outcome, Row
from backend.core.jobs.probe import ProbePayload, ProbeResult
from workers.context import Context

NAP_S = 0.05


class ProbeError(Exception):
    """The failure that was asked for."""


def probe(payload: ProbePayload, context: Context) -> Outcome:
    ballast = bytearray(payload.allocate_mb * 1_000_000)
    for step in range(payload.steps):
        _sleep(payload.sleep_s / payload.steps, context)
        if payload.steps > 1:
            context.progress((step + 1) / payload.steps, f"step {step + 1} of {payload.steps}")
    if context.attempt <= payload.fail_attempts:
        _fail(payload.fail_with)
    del ballast
    result = ProbeResult(attempt=context.attempt, slept_s=payload.sleep_s, padding="x" * payload.result_bytes)
    return Outcome(result, rows=[Row("probe_effects", {"attempt": context.attempt})])


def _sleep(seconds: float, context: Context) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        context.check_cancelled()
        time.sleep(min(left, NAP_S))


def _fail(how: str) -> None:
    match how:
        case "invalid":
            raise InvalidJob("probe_invalid", "the probe was told to be invalid")
        case "memory_error":
            raise MemoryError("the probe was told to run out of memory")
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            sys.exit(3)
        case _:
            raise ProbeError("the probe was told to fail")
