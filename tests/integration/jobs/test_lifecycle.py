"""How jobs end: each way a handler can go, on real workers."""

import time

import pytest

from tests.platform import Platform, finished, submit
from tests.waiting import eventually


def state_of(client, job_id):
    return client.get(f"/jobs/{job_id}").json()["state"]


def attempts_of(client, job_id):
    return client.get(f"/jobs/{job_id}/attempts").json()["attempts"]


@pytest.mark.parametrize("how", ["error", "memory_error", "exit"])
def test_a_bug_is_tried_again_and_its_traceback_kept(platform: Platform, how: str) -> None:
    with platform.client("admin") as client:
        job = finished(client, submit(client, "probe", {"fail_attempts": 1, "fail_with": how})["id"])
        attempts = attempts_of(client, job["id"])
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert [a["outcome"] for a in attempts] == ["failed", "succeeded"]
    assert "Traceback" in attempts[0]["error"]["traceback"]


def test_a_segfault_counts_as_a_lost_attempt_and_the_job_goes_on(platform: Platform) -> None:
    with platform.client("admin") as client:
        job = finished(client, submit(client, "probe", {"fail_attempts": 1, "fail_with": "segfault"})["id"])
        attempts = attempts_of(client, job["id"])
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert [a["outcome"] for a in attempts] == ["lost", "succeeded"]
    assert attempts[0]["error"]["code"] == "worker_lost"


def test_an_invalid_job_is_not_tried_again(platform: Platform) -> None:
    with platform.client("admin") as client:
        job = finished(client, submit(client, "probe", {"fail_attempts": 1, "fail_with": "invalid"})["id"])
    assert (job["state"], job["attempt"], job["error"]["code"]) == ("failed", 1, "probe_invalid")


def test_the_last_attempt_fails_the_job(platform: Platform) -> None:
    with platform.client("admin") as client:
        wanted = submit(client, "probe", {"fail_attempts": 9}, max_attempts=2)
        job = finished(client, wanted["id"])
        assert (job["state"], job["attempt"], job["error"]["code"]) == ("failed", 2, "handler_error")
        again = client.post(f"/jobs/{job['id']}/retry").json()
        assert (again["state"], again["finished_at"], again["max_attempts"]) == ("queued", None, 3)
        assert finished(client, job["id"])["attempt"] == 3


def test_cancelling_a_running_job_stops_it(platform: Platform) -> None:
    with platform.client("admin") as client:
        job = submit(client, "probe", {"sleep_s": 60, "steps": 100})
        eventually(lambda: state_of(client, job["id"]) == "running", what="the start")
        asked = time.monotonic()
        assert client.post(f"/jobs/{job['id']}/cancel").json()["cancel_requested_at"] is not None
        ended = finished(client, job["id"])
    assert ended["state"] == "cancelled"
    assert time.monotonic() - asked < 10
    assert platform.rows("SELECT * FROM probe_effects WHERE job_id = %s", job["id"]) == []


def test_a_scheduled_job_runs_when_it_is_due(platform: Platform) -> None:
    with platform.client("admin") as client:
        due = platform.rows("SELECT now() + interval '1.5 seconds' AS at")[0]["at"]
        job = submit(client, "probe", {}, run_at=due.isoformat())
        assert job["state"] == "scheduled"
        ended = finished(client, job["id"])
    started = platform.rows("SELECT started_at >= run_at AS in_time FROM jobs WHERE id = %s", job["id"])
    assert ended["state"] == "succeeded"
    assert started == [{"in_time": True}]


def test_lower_priority_numbers_run_first_within_a_lane(platform: Platform) -> None:
    with platform.client("admin") as client:
        # Two long jobs hold both slots while the others line up.
        holders = [submit(client, "probe", {"sleep_s": 1.0}, priority=0) for _ in range(2)]
        late = [submit(client, "probe", {}, priority=9) for _ in range(3)]
        early = submit(client, "probe", {}, priority=1)
        for job in [*holders, *late, early]:
            assert finished(client, job["id"])["state"] == "succeeded"
    order = platform.rows(
        "SELECT id::text AS id FROM jobs WHERE id = ANY(%s::uuid[]) ORDER BY started_at",
        [job["id"] for job in (*late, early)],
    )
    assert order[0]["id"] == early["id"]


def test_memory_is_given_back_and_results_have_their_size(platform: Platform) -> None:
    with platform.client("admin") as client:
        job = finished(client, submit(client, "probe", {"allocate_mb": 50, "result_bytes": 100_000})["id"])
    assert len(job["result"]["padding"]) == 100_000
