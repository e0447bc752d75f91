"""`probe`: sleeps, computes, fails, allocates, reports progress and fans out as told."""

import hashlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.outcomes import ChildJob, EndedChild, FanOut, InvalidJob, Outcome, Row
from backend.core.jobs.probe import FailedChild, Failure, ProbePayload, ProbeResult, ProbeWork
from workers.context import Context

NAP_S = 0.05
SAMPLE_ROUNDS = 20_000
MOST_ROUNDS = 2**31 - 1


class ProbeError(Exception):
    """The failure that was asked for."""


class Unpicklable(ProbeError):
    def __init__(self) -> None:
        super().__init__("the probe was told to fail with what no pickle can hold")
        self.lock = threading.Lock()


class Unspeakable(ProbeError):
    def __str__(self) -> NoReturn:
        raise ProbeError("the probe was told to fail without a text")


def probe(payload: ProbePayload, context: Context) -> Outcome | FanOut:
    for number in range(payload.log_lines):
        context.log.info("probe_line", number=number, of=payload.log_lines)
    ballast = bytearray(payload.allocate_mb * 1_000_000)
    if payload.soft_limit_s is not None:
        context.ends_by = min(context.ends_by, time.monotonic() + payload.soft_limit_s)
    for step in range(payload.steps):
        _sleep(payload.sleep_s / payload.steps, None if payload.ignore_cancel else context)
        if payload.steps > 1 and not payload.ignore_cancel:
            context.progress((step + 1) / payload.steps, f"step {step + 1} of {payload.steps}", steps=step + 1)
    if payload.native_s > 0:
        _compute(payload.native_s)
        if not payload.ignore_cancel:
            context.check_cancelled()
    outcome = _outcome(payload, context, ())
    if context.attempt <= payload.fail_attempts:
        if payload.fail_with == "bad_result":
            return replace(outcome, result=outcome.result.model_copy(update={"padding": threading.Lock()}))
        _fail(payload.fail_with)
    del ballast
    children = _children(payload)
    return FanOut(children=children, on_child_failure=payload.on_child_failure) if children else outcome


def merge_probe(
    payload: ProbePayload,
    state: Mapping[str, Any],  # Any: JSON; a probe needs none
    children: Sequence[EndedChild],
    context: Context,
) -> Outcome:
    del state
    _sleep(payload.merge_sleep_s, None if payload.ignore_cancel else context)
    if context.attempt <= payload.merge_fail_attempts:
        _fail(payload.fail_with)
    return _outcome(payload, context, children)


def _children(payload: ProbePayload) -> list[ChildJob]:
    told: Sequence[ProbeWork] = (
        [ProbeWork()] * payload.children if isinstance(payload.children, int) else payload.children
    )
    texts = [child.model_dump_json() for child in told]
    return [ChildJob(job_type="probe", payload=ProbePayload.model_validate_json(text)) for text in texts]


def _outcome(payload: ProbePayload, context: Context, children: Sequence[EndedChild]) -> Outcome:
    failed = [child for child in children if child.state != JobState.SUCCEEDED]
    result = ProbeResult(
        attempt=context.attempt,
        slept_s=payload.sleep_s,
        padding="x" * payload.result_bytes,
        succeeded_children=len(children) - len(failed),
        failed_children=tuple(map(_failed_child, failed)),
    )
    summary = f"slept {payload.sleep_s:g} s in {payload.steps} steps, attempt {context.attempt}"
    told = f", {result.succeeded_children} of {len(children)} children succeeded" if children else ""
    return Outcome(result, rows=[Row("probe_effects", {"attempt": context.attempt})], summary=summary + told)


def _failed_child(child: EndedChild) -> FailedChild:
    return FailedChild(
        index=child.index,
        state=child.state,
        code=None if child.error is None else child.error.code,
        message=None if child.error is None else child.error.message,
    )


def _sleep(seconds: float, watched: Context | None) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if watched is not None:
            watched.check_cancelled()
        time.sleep(min(left, NAP_S))


def _compute(seconds: float) -> None:
    """Compute for about so long in one call of compiled code: no signal handler of Python runs meanwhile."""
    began = time.perf_counter()
    _derive(SAMPLE_ROUNDS)
    rounds_per_s = SAMPLE_ROUNDS / (time.perf_counter() - began)
    _derive(min(max(int(seconds * rounds_per_s), 1), MOST_ROUNDS))


def _derive(rounds: int) -> None:
    hashlib.pbkdf2_hmac("sha256", b"probe", b"salt", rounds)


def _fail(how: Failure) -> None:
    match how:
        case "invalid":
            raise InvalidJob("probe_invalid", "the probe was told to be invalid")
        case "memory_error":
            raise MemoryError("the probe was told to run out of memory")
        case "unpicklable":
            raise Unpicklable
        case "unspeakable":
            raise Unspeakable
        case "unstorable":
            raise ProbeError("the probe was told to fail with \0 and \ud800")
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            sys.exit(3)
        case "vanish":
            os._exit(0)
        case _:
            raise ProbeError("the probe was told to fail")
