"""What a job can do to its process: nothing that costs another job, and nothing that is not written down."""

import httpx
import pytest

from tests.faults.jobs import HUGE_BYTES
from tests.faults.scenes import ENDS_WITHIN_S, effects, end_of, outcomes, started
from tests.faults.stage import Stage
from tests.platform import submit
from tests.waiting import eventually

RAISED = ["error", "memory_error", "exit", "unpicklable", "unspeakable", "unstorable", "bad_result"]
KILLED = ["segfault", "vanish"]


@pytest.mark.parametrize("how", [*RAISED, *KILLED])
def test_a_job_that_ends_badly_is_tried_again(stage: Stage, admin: httpx.Client, how: str) -> None:
    job = submit(admin, "probe", {"fail_attempts": 1, "fail_with": how})
    ended = end_of(admin, job["id"])
    assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
    assert outcomes(admin, job["id"]) == ["lost" if how in KILLED else "failed", "succeeded"]
    assert effects(stage, job["id"]) == 1


@pytest.mark.parametrize("how", ["memory_error", "segfault"])
def test_poison_uses_up_its_attempts_and_no_more(stage: Stage, admin: httpx.Client, how: str) -> None:
    job = submit(admin, "probe", {"fail_attempts": 99, "fail_with": how}, max_attempts=2)
    other = submit(admin, "probe", {})
    ended = end_of(admin, job["id"])
    assert (ended["state"], ended["attempt"]) == ("failed", 2)
    assert outcomes(admin, job["id"]) == ["lost" if how in KILLED else "failed"] * 2
    assert effects(stage, job["id"]) == 0
    assert end_of(admin, other["id"])["state"] == "succeeded"


def test_a_result_of_50_mb_is_kept_whole(stage: Stage, admin: httpx.Client) -> None:
    job = submit(admin, "probe", {"result_bytes": HUGE_BYTES}, max_attempts=20)
    eventually(
        lambda: stage.rows("SELECT 1 FROM jobs WHERE id = %s AND finished_at IS NOT NULL", job["id"]),
        timeout_s=ENDS_WITHIN_S,
        what="the end",
    )
    rows = stage.rows("SELECT state, length(result->>'padding') AS size FROM jobs WHERE id = %s", job["id"])
    assert rows == [{"state": "succeeded", "size": HUGE_BYTES}]


def test_a_soft_limit_ends_the_attempt_and_spares_the_process(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 60, "soft_limit_s": 0.5})
    ended = end_of(admin, job["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "time_limit_exceeded")
    assert outcomes(admin, job["id"]) == ["failed"]
    assert any(job["worker_pid"] in worker.pool() for worker in stage.workers)


def test_a_soft_limit_that_passes_in_a_native_call_counts_after_it(stage: Stage, admin: httpx.Client) -> None:
    ended = end_of(admin, submit(admin, "probe", {"native_s": 1.0, "soft_limit_s": 0.1})["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "time_limit_exceeded")


@pytest.mark.parametrize("work", [{"sleep_s": 120, "ignore_cancel": True}, {"native_s": 120}])
def test_the_hard_limit_ends_the_process(stage: Stage, admin: httpx.Client, work: dict[str, object]) -> None:
    """The time of the attempt is moved into the past, as if the limit's hour had gone by."""
    job = started(stage, admin, work)
    limit = stage.count("SELECT extract(epoch FROM attempt_ends_by - started_at) FROM jobs WHERE id = %s", job["id"])
    stage.rows("UPDATE jobs SET attempt_ends_by = clock_timestamp() WHERE id = %s", job["id"])
    ended = end_of(admin, job["id"])
    assert limit == 3760
    assert (ended["state"], ended["error"]["code"]) == ("failed", "time_limit_exceeded")
    assert outcomes(admin, job["id"]) == ["timed_out"]
    assert not any(worker.lives() and job["worker_pid"] in worker.pool() for worker in stage.workers)


@pytest.mark.parametrize("work", [{"sleep_s": 120, "ignore_cancel": True}, {"native_s": 120}])
def test_a_cancel_stops_a_job_that_never_looks(stage: Stage, admin: httpx.Client, work: dict[str, object]) -> None:
    job = started(stage, admin, work)
    assert admin.post(f"/jobs/{job['id']}/cancel").json()["cancel_requested_at"] is not None
    assert end_of(admin, job["id"])["state"] == "cancelled"
    assert effects(stage, job["id"]) == 0
