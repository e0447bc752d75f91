"""Each invariant can fail: a history in which it is broken is told as such, and the one beside it is not."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faults.crowd import Promises
from tests.faults.evidence import Evidence
from tests.faults.invariants import violations
from tests.faults.jobs import FAILS, probe
from tests.faults.ledger import Entry
from tests.faults.listeners import listeners_missed_nothing
from tests.faults.stage import Held
from tests.faults.watcher import Watcher

START = datetime.now(UTC)
"""After the start of this process, which stands for one that lives."""
JOB, USER = "job-1", "user-1"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def entry(n: int, source: str | None, target: str, **more: Any) -> Entry:
    usual: dict[str, Any] = {
        "n": n,
        "at": at(n),
        "xid": 100 + n,
        "job_id": JOB,
        "source": source,
        "target": target,
        "version": n,
        "version_before": n - 1 if n > 1 else None,
        "attempt": 1,
        "token_before": "lease-1" if source == "running" else None,
        "token_after": "lease-1" if target == "running" else None,
        "lease_until": at(30) if source == "running" else None,
        "pid_before": 1,
        "is_cancel_wanted": False,
        "queue": "probe",
        "user_id": USER,
    }
    return Entry(**(usual | more))


def attempt(**more: Any) -> dict[str, Any]:
    usual = {
        "attempt": 1,
        "outcome": "succeeded",
        "token": "lease-1",
        "pid": os.getpid(),
        "started_at": at(2),
        "ended_at": at(3),
    }
    return usual | more


def job(**more: Any) -> dict[str, Any]:
    usual = {
        "id": JOB,
        "job_type": "probe",
        "state": "succeeded",
        "attempt": 1,
        "max_attempts": 3,
        "version": 3,
        "finished_at": at(3),
        "error": None,
        "result_attempt": 1,
        "has_no_result": False,
        "user_id": USER,
        "queue": "probe",
    }
    return usual | more


FINE = Evidence(
    jobs={JOB: job()},
    attempts={JOB: [attempt()]},
    history={JOB: [entry(1, None, "queued"), entry(2, "queued", "running"), entry(3, "running", "succeeded")]},
    effects={JOB: [103]},
    caps={("probe", USER): 1},
    promises=Promises(accepted={JOB: probe("ada")}),
)
LOST = (entry(1, None, "queued"), entry(2, "queued", "running"), entry(3, "running", "queued", at=at(40)))


def broken(evidence: Evidence) -> set[str]:
    return {violation.invariant for violation in violations(evidence)}


def test_a_plain_success_breaks_nothing() -> None:
    assert broken(FINE) == set()


@pytest.mark.parametrize(
    ("invariant", "change"),
    [
        ("I1", {"jobs": {JOB: job(state="running", finished_at=None)}, "effects": {}}),
        (
            "I1",
            {"jobs": {JOB: job(), "job-2": job(id="job-2", state="queued")}, "history": FINE.history | {"job-2": []}},
        ),
        ("I1", {"promises": Promises(accepted={"job-2": probe("ada")})}),
        ("I1", {"promises": Promises(accepted={JOB: probe("ada", ends=FAILS)})}),
        ("I1", {"promises": Promises(broken=["a key was answered with two jobs"])}),
        ("I2", {"effects": {JOB: [103, 103]}}),
        ("I2", {"effects": {}}),
        ("I2", {"jobs": {JOB: job(has_no_result=True)}}),
        ("I3", {"effects": {JOB: [102]}}),
        ("I3", {"attempts": {JOB: [attempt(), attempt()]}}),
        ("I3", {"attempts": {}}),
        ("I3", {"attempts": {JOB: [attempt(outcome="lost")]}}),
        ("I3", {"jobs": {JOB: job(result_attempt=2)}}),
        ("I3", {"history": {JOB: [*FINE.history[JOB], entry(4, "succeeded", "succeeded")]}}),
        ("I4", {"attempts": {JOB: [attempt(), attempt(attempt=2, token="lease-2", started_at=at(2.5))]}}),
        (
            "I4",
            {
                "history": {JOB: [*LOST[:2], entry(3, "running", "queued")]},
                "attempts": {JOB: [attempt(outcome="lost")]},
            },
        ),
        ("I5", {"caps": {("probe", USER): 0}}),
        (
            "I6",
            {"history": {JOB: LOST}, "attempts": {JOB: [attempt(outcome="lost")]}, "hurt": [Held("lease-1", at(2))]},
        ),
        ("I7", {"promises": Promises(cancelled={JOB: 2})}),
        ("I7", {"history": {JOB: [*FINE.history[JOB][:2], entry(3, "running", "succeeded", is_cancel_wanted=True)]}}),
        ("I8", {"jobs": {JOB: job(max_attempts=1, attempt=2)}}),
        ("I8", {"jobs": {JOB: job(max_attempts=0, attempt=0)}}),
        ("I8", {"attempts": {JOB: [attempt(token=f"lease-{i}", outcome="lost") for i in range(4)]}}),
        ("moves", {"history": {JOB: [entry(1, None, "queued"), entry(2, "queued", "succeeded")]}}),
        ("moves", {"history": {JOB: [*FINE.history[JOB][:2], entry(3, "running", "succeeded", version=2)]}}),
    ],
)
def test_a_broken_invariant_is_told(invariant: str, change: dict[str, Any]) -> None:
    assert invariant in broken(replace(FINE, **change))


def test_an_attempt_that_was_taken_after_its_lease_may_overlap() -> None:
    taken = replace(FINE, history={JOB: LOST}, attempts={JOB: [attempt(outcome="lost")]})
    assert "I4" not in broken(taken)


def test_an_outage_of_postgres_does_not_count_as_waiting() -> None:
    late = {"history": {JOB: LOST}, "attempts": {JOB: [attempt(outcome="lost")]}, "hurt": [Held("lease-1", at(2))]}
    assert "I6" not in broken(replace(FINE, **late, outages=[(at(3), at(39))]))


def test_an_overloaded_machine_is_not_held_to_seconds() -> None:
    late = {"history": {JOB: LOST}, "attempts": {JOB: [attempt(outcome="lost")]}, "hurt": [Held("lease-1", at(2))]}
    assert "I6" not in broken(replace(FINE, **late, load_per_core=9.0))


def heard(*updates: tuple[str, int, str], is_strict: bool = True) -> list[str]:
    """Return what is amiss with a listener that was shown nothing and then told these (cursor, version, state)."""
    watcher = Watcher("steady", [], "", None, is_strict=is_strict)  # type: ignore[arg-type]  # it stays at home
    watcher._take({"type": "snapshot", "cursor": "e:0", "data": {"jobs": []}})
    for cursor, version, state in updates:
        watcher._take({"type": "update", "cursor": cursor, "data": {"id": JOB, "version": version, "state": state}})
    return list(listeners_missed_nothing(FINE, [watcher], {"steady": USER}))


ALL = (("e:1", 1, "queued"), ("e:2", 2, "running"), ("e:3", 3, "succeeded"))


def test_a_listener_that_was_told_everything_has_nothing_to_say() -> None:
    assert heard(*ALL) == []
    assert heard(*ALL, ("e:4", 2, "running")) == []  # at least once, and in any order: the versions say which is newer


@pytest.mark.parametrize(
    ("updates", "told"),
    [
        (ALL[:2], "never told"),
        ((ALL[0], ALL[2]), "a gap"),
        ((*ALL[:2], ("f:3", 3, "succeeded")), "without a word"),
        ((*ALL, ("e:2", 2, "running")), "back from"),
        ((*ALL[:2], ("e:3", 3, "failed")), "was told as"),
    ],
)
def test_what_a_listener_was_not_told_rightly_shows(updates: Any, told: str) -> None:
    assert any(told in problem for problem in heard(*updates))
