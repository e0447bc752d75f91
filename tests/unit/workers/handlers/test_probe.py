"""The probe does as it is told."""

import pickle
import signal
import time

import pytest

from backend.core.jobs.outcomes import TIME_LIMIT_CODE, InvalidJob
from backend.core.jobs.probe import ProbePayload, ProbeResult
from tests.contexts import Unwatched, make_context
from workers.context import CHECK_EVERY_S
from workers.handlers.probe import ProbeError, probe


class Cancelling(Unwatched):
    def is_cancel_wanted(self) -> bool:
        raise AssertionError("the probe looked")


def test_a_success_leaves_one_effect_with_its_attempt() -> None:
    outcome = probe(ProbePayload(result_bytes=3), make_context(attempt=2))
    assert outcome.result == ProbeResult(attempt=2, slept_s=0.0, padding="xxx")
    assert [(row.table, row.values) for row in outcome.rows] == [("probe_effects", {"attempt": 2})]


def test_it_fails_in_the_first_attempts_only() -> None:
    payload = ProbePayload(fail_attempts=1)
    with pytest.raises(ProbeError):
        probe(payload, make_context(attempt=1))
    assert probe(payload, make_context(attempt=2)).rows


def test_its_own_soft_limit_ends_it() -> None:
    with pytest.raises(InvalidJob) as ended:
        probe(ProbePayload(sleep_s=30, soft_limit_s=0.1), make_context())
    assert ended.value.code == TIME_LIMIT_CODE


def test_a_native_call_is_not_interrupted_by_a_signal() -> None:
    came: list[float] = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(time.monotonic()))
    try:
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        probe(ProbePayload(native_s=0.6, ignore_cancel=True), make_context())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(came) == 1
    assert came[0] - began > 0.15  # Python heard of it only when the call was over


def test_it_does_not_look_when_told_to_ignore_cancels() -> None:
    context = make_context(monitor=Cancelling())
    assert probe(ProbePayload(sleep_s=0.1, steps=2, ignore_cancel=True), context).rows
    with pytest.raises(AssertionError, match="looked"):
        probe(ProbePayload(sleep_s=0.1 + CHECK_EVERY_S), context)


@pytest.mark.parametrize(
    ("how", "trouble"), [("unpicklable", pickle.dumps), ("unspeakable", str), ("unstorable", lambda e: str(e).encode())]
)
def test_awkward_failures_are_awkward(how: str, trouble) -> None:
    with pytest.raises(ProbeError) as failed:
        probe(ProbePayload(fail_attempts=1, fail_with=how), make_context(attempt=1))
    with pytest.raises((TypeError, ProbeError, UnicodeEncodeError)):
        trouble(failed.value)


def test_a_bad_result_cannot_be_written() -> None:
    outcome = probe(ProbePayload(fail_attempts=1, fail_with="bad_result"), make_context(attempt=1))
    with pytest.raises(Exception, match="serialize"):
        outcome.result.model_dump_json()
