"""Cancelling, trying again, and what is kept of every attempt."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.api.test_jobs import SCAN
from tests.integration.test_pipeline import BACKTEST
from tests.platform import finished, submit
from tests.waiting import eventually


def running(client: httpx.Client, payload: dict[str, object]) -> str:
    """Return the id of a probe that runs by now."""
    job_id: str = submit(client, "probe", payload)["id"]
    eventually(lambda: client.get(f"/jobs/{job_id}").json()["state"] == "running", what="the start of a probe")
    return job_id


@pytest.mark.parametrize("delay_s", [0, 3600], ids=["queued", "scheduled"])
def test_job_that_waits_is_cancelled_at_once(idle_user: httpx.Client, delay_s: int) -> None:
    run_at = (datetime.now(UTC) + timedelta(seconds=delay_s)).isoformat()
    job = submit(idle_user, "pattern_scan", SCAN, run_at=run_at)
    answer = idle_user.post(f"/jobs/{job['id']}/cancel")
    cancelled = answer.json()
    assert (answer.status_code, cancelled["state"], cancelled["version"]) == (200, "cancelled", 2)
    assert cancelled["finished_at"] >= cancelled["cancel_requested_at"] > cancelled["created_at"]
    again = idle_user.post(f"/jobs/{job['id']}/cancel")
    assert (again.status_code, again.json()) == (200, cancelled)


def test_running_job_is_asked_and_stops(admin: httpx.Client) -> None:
    job_id = running(admin, {"sleep_s": 30})
    first, second = (admin.post(f"/jobs/{job_id}/cancel").json() for _ in range(2))
    assert first["cancel_requested_at"] is not None
    assert second["cancel_requested_at"] == first["cancel_requested_at"]
    ended = finished(admin, job_id)
    assert (ended["state"], ended["result"], ended["error"]) == ("cancelled", None, None)
    attempts = admin.get(f"/jobs/{job_id}/attempts").json()["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["cancelled"]


@pytest.mark.parametrize("symbol", ["AAPL", "NOPE"], ids=["succeeded", "failed"])
def test_finished_job_is_not_cancelled(user: httpx.Client, symbol: str) -> None:
    job = finished(user, submit(user, "backtest", BACKTEST | {"symbols": [symbol]})["id"])
    answer = user.post(f"/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert job["state"] in answer.json()["detail"]
    assert user.get(f"/jobs/{job['id']}").json() == job


def test_failed_job_can_be_tried_again_and_keeps_its_attempts(admin: httpx.Client) -> None:
    job = finished(admin, submit(admin, "probe", {"fail_attempts": 1}, max_attempts=1)["id"])
    assert (job["state"], job["attempt"]) == ("failed", 1)
    answer = admin.post(f"/jobs/{job['id']}/retry")
    again = answer.json()
    assert (answer.status_code, again["state"], again["max_attempts"]) == (200, "queued", 2)
    assert (again["error"], again["finished_at"], again["result"], again["progress"]) == (None, None, None, 0.0)
    ended = finished(admin, job["id"])
    assert (ended["state"], ended["attempt"], ended["result"]["attempt"]) == ("succeeded", 2, 2)
    attempts = admin.get(f"/jobs/{job['id']}/attempts").json()["attempts"]
    assert [(a["attempt"], a["outcome"]) for a in attempts] == [(1, "failed"), (2, "succeeded")]
    assert "ProbeError: the probe was told to fail" in attempts[0]["error"]["traceback"]
    assert attempts[1]["error"] is None
    assert all(a["started_at"] <= a["ended_at"] and a["worker_pid"] > 0 and a["worker_id"] for a in attempts)


def test_cancelled_job_can_be_tried_again(idle_user: httpx.Client) -> None:
    job = submit(idle_user, "pattern_scan", SCAN)
    idle_user.post(f"/jobs/{job['id']}/cancel")
    again = idle_user.post(f"/jobs/{job['id']}/retry").json()
    assert (again["state"], again["cancel_requested_at"], again["finished_at"]) == ("queued", None, None)
    assert idle_user.post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"


def test_job_that_did_not_fail_is_not_tried_again(user: httpx.Client, idle_user: httpx.Client) -> None:
    done = finished(user, submit(user, "pattern_scan", SCAN)["id"])
    waiting = submit(idle_user, "pattern_scan", SCAN)
    for client, job, state in ((user, done, "succeeded"), (idle_user, waiting, "queued")):
        answer = client.post(f"/jobs/{job['id']}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert state in answer.json()["detail"]


def test_running_attempt_is_listed_last(admin: httpx.Client) -> None:
    job_id = running(admin, {"sleep_s": 30})
    (attempt,) = admin.get(f"/jobs/{job_id}/attempts").json()["attempts"]
    assert (attempt["attempt"], attempt["outcome"], attempt["ended_at"]) == (1, "running", None)
    assert attempt["worker_pid"] > 0
    admin.post(f"/jobs/{job_id}/cancel")
    finished(admin, job_id)


def test_job_that_never_ran_has_no_attempts(idle_user: httpx.Client) -> None:
    job = submit(idle_user, "pattern_scan", SCAN)
    assert idle_user.get(f"/jobs/{job['id']}/attempts").json() == {"attempts": []}
