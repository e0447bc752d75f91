"""Submitting: what is answered, what is recorded, and that sending twice starts one job."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.test_pipeline import BACKTEST
from tests.platform import Platform, finished, submit

SCAN = {"symbols": ["AAPL"], "last_bars": 5}
BODY = {"job_type": "pattern_scan", "payload": SCAN}


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def test_submit_answers_at_once_with_the_whole_job(user: httpx.Client) -> None:
    answer = user.post("/jobs", json={"job_type": "backtest", "payload": BACKTEST, "priority": 3})
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/jobs/{job['id']}"
    assert answer.headers["ETag"] == f'"{job["id"].replace("-", "")}-{job["version"]}"'
    assert (job["job_type"], job["state"], job["priority"]) == ("backtest", "queued", 3)
    assert (job["attempt"], job["max_attempts"], job["progress"], job["version"]) == (0, 3, 0.0, 1)
    assert job["payload"]["strategy"] == {"kind": "sma_cross", "fast": 10, "slow": 30, "direction": "long_only"}
    assert job["payload"]["schema_version"] == 1
    unset = ("result", "error", "stage", "started_at", "finished_at", "cancel_requested_at")
    assert [job[name] for name in unset] == [None] * len(unset)
    assert user.get(answer.headers["Location"]).json()["id"] == job["id"]


def test_job_with_a_later_time_is_scheduled_and_runs_when_due(user: httpx.Client) -> None:
    run_at = datetime.now(UTC) + timedelta(seconds=1)
    job = submit(user, "pattern_scan", SCAN, run_at=run_at.isoformat())
    assert job["state"] == "scheduled"
    ended = finished(user, job["id"])
    assert ended["state"] == "succeeded"
    assert datetime.fromisoformat(ended["started_at"]) >= run_at


def test_time_in_the_past_means_now(user: httpx.Client) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at="2001-02-03T04:05:06+02:00")
    assert job["state"] == "queued"
    assert datetime.fromisoformat(job["run_at"]).year > 2001


def test_better_priority_runs_first(admin: httpx.Client) -> None:
    blockers = [submit(admin, "probe", {"sleep_s": 30}, priority=0) for _ in range(2)]
    late, early = (submit(admin, "probe", {}, priority=priority) for priority in (9, 1))
    for blocker in blockers:
        admin.post(f"/jobs/{blocker['id']}/cancel")
    early_at, late_at = (finished(admin, job["id"])["started_at"] for job in (early, late))
    assert early_at < late_at


def test_max_attempts_bounds_the_attempts(admin: httpx.Client) -> None:
    job = finished(admin, submit(admin, "probe", {"fail_attempts": 5}, max_attempts=1)["id"])
    assert (job["state"], job["attempt"], job["error"]["code"]) == ("failed", 1, "handler_error")
    assert "traceback" not in job["error"]


def test_probe_is_for_admins_alone(user: httpx.Client) -> None:
    answer = user.post("/jobs", json={"job_type": "probe", "payload": {}})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert user.get("/jobs").json()["jobs"] == []


def test_same_key_and_body_is_one_job(user: httpx.Client) -> None:
    key = {"Idempotency-Key": "monday-1"}
    same = {"payload": dict(reversed(SCAN.items())), "job_type": "pattern_scan", "priority": 5}
    first, second = (user.post("/jobs", json=body, headers=key) for body in (BODY, same))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    assert first.headers["Location"] == second.headers["Location"]
    assert len(user.get("/jobs").json()["jobs"]) == 1


@pytest.mark.parametrize("changed", [{"priority": 1}, {"payload": SCAN | {"last_bars": 6}}, {"max_attempts": 1}])
def test_same_key_with_another_body_is_refused(user: httpx.Client, changed: dict[str, object]) -> None:
    key = {"Idempotency-Key": "monday-1"}
    first = user.post("/jobs", json=BODY, headers=key).json()
    answer = user.post("/jobs", json=BODY | changed, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert first["id"] in answer.json()["detail"]
    assert len(user.get("/jobs").json()["jobs"]) == 1


def test_another_users_key_is_another_key(user: httpx.Client, platform: Platform) -> None:
    key = {"Idempotency-Key": "monday-1"}
    with platform.client() as stranger:
        ids = {client.post("/jobs", json=BODY, headers=key).json()["id"] for client in (user, stranger)}
    assert len(ids) == 2


def test_one_key_sent_many_times_at_once_is_one_job(user: httpx.Client, replica: str) -> None:
    body = BODY | {"run_at": in_an_hour()}
    urls = [f"{base}/jobs" for base in (str(user.base_url).rstrip("/"), replica)] * 6

    def send(url: str) -> httpx.Response:
        return user.post(url, json=body, headers={"Idempotency-Key": "race"})

    with ThreadPoolExecutor(len(urls)) as pool:
        answers = list(pool.map(send, urls))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(user.get("/jobs").json()["jobs"]) == 1


@pytest.mark.parametrize("key", ["", "with space", "x" * 201, "tab\there", b"caf\xc3\xa9"])
def test_bad_key_is_refused(user: httpx.Client, key: str | bytes) -> None:
    answer = user.post("/jobs", json=BODY, headers={b"Idempotency-Key": key})  # type: ignore[dict-item]
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert user.get("/jobs").json()["jobs"] == []


def test_every_visible_character_may_be_in_a_key(user: httpx.Client) -> None:
    key = "".join(map(chr, range(0x21, 0x7F))) + "x" * 106
    assert user.post("/jobs", json=BODY, headers={"Idempotency-Key": key}).status_code == 202
