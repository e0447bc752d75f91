"""Reading one job: conditional requests, waiting, and who may see it."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
import redis

from tests.integration.api.test_jobs import SCAN
from tests.platform import Platform, finished, submit
from tests.waiting import eventually


def later() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def listeners(platform: Platform, user_id: str) -> int:
    """Return how many API processes listen to a user's jobs."""
    with redis.Redis.from_url(platform.redis_url) as client:
        return int(client.pubsub_numsub(f"aitrader:job_updates:{user_id}")[0][1])


def test_known_version_is_not_sent_again(user: httpx.Client) -> None:
    job = finished(user, submit(user, "pattern_scan", SCAN)["id"])
    path = f"/jobs/{job['id']}"
    etag = user.get(path).headers["ETag"]
    again = user.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    for several in (f'"other", {etag}', f"W/{etag}", "*"):
        assert user.get(path, headers={"If-None-Match": several}).status_code == 304, several
    assert user.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_change_gives_a_new_etag(user: httpx.Client) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    path = f"/jobs/{job['id']}"
    etag = user.get(path).headers["ETag"]
    assert user.post(f"{path}/cancel").status_code == 200
    answer = user.get(path, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert answer.headers["ETag"] != etag


def test_wait_answers_when_the_time_is_over(user: httpx.Client) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    start = time.monotonic()
    answer = user.get(f"/jobs/{job['id']}", params={"wait": 0.3})
    assert 0.3 <= time.monotonic() - start < 5
    assert (answer.status_code, answer.json()["state"]) == (200, "scheduled")
    assert answer.headers["Preference-Applied"] == "wait=0.3"


def test_wait_with_a_known_version_ends_in_not_modified(user: httpx.Client) -> None:
    path = f"/jobs/{submit(user, 'pattern_scan', SCAN, run_at=later())['id']}"
    etag = user.get(path).headers["ETag"]
    assert user.get(path, params={"wait": 0.2}, headers={"If-None-Match": etag}).status_code == 304


def test_wait_answers_at_once_when_the_known_version_is_old(user: httpx.Client) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    old = {"If-None-Match": f'"{job["id"].replace("-", "")}-0"'}
    start = time.monotonic()
    assert user.get(f"/jobs/{job['id']}", params={"wait": 20}, headers=old).status_code == 200
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("on_replica", [False, True], ids=["same process", "other replica"])
def test_wait_answers_when_the_job_changes(
    user: httpx.Client, platform: Platform, replica: str, on_replica: bool
) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    base = replica if on_replica else platform.url
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(user.get, f"{base}/jobs/{job['id']}", headers={"Prefer": "respond-async, wait=25"})
        eventually(lambda: listeners(platform, job["user_id"]) == 1, what="a listener")
        start = time.monotonic()
        user.post(f"{platform.url}/jobs/{job['id']}/cancel")
        answer = waiting.result(30)
    assert time.monotonic() - start < 10
    assert answer.json()["state"] == "cancelled"
    assert answer.headers["Preference-Applied"] == "wait=25"
    eventually(lambda: listeners(platform, job["user_id"]) == 0, what="the end of listening")


def test_wait_on_a_finished_job_is_capped_and_answers_at_once(user: httpx.Client) -> None:
    job = finished(user, submit(user, "pattern_scan", SCAN)["id"])
    start = time.monotonic()
    answer = user.get(f"/jobs/{job['id']}", params={"wait": 100_000})
    assert time.monotonic() - start < 10
    assert answer.headers["Preference-Applied"] == "wait=30"


@pytest.mark.parametrize("wait", ["-1", "nan", "soon"])
def test_bad_wait_is_refused(user: httpx.Client, wait: str) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    assert user.get(f"/jobs/{job['id']}", params={"wait": wait}).status_code == 422


def test_another_users_job_is_not_there(user: httpx.Client, platform: Platform) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    paths = [f"/jobs/{job['id']}{rest}" for rest in ("", "/attempts", "/artifacts/trades")]
    with platform.client() as stranger, platform.client("admin") as admin:
        answers = [client.get(path) for path in paths for client in (stranger, admin)]
        answers += [stranger.post(f"/jobs/{job['id']}/{verb}") for verb in ("cancel", "retry")]
        unknown = stranger.get(f"/jobs/{uuid4()}")
        assert stranger.get("/jobs").json()["jobs"] == []
    assert {answer.status_code for answer in answers} == {404}
    assert answers[0].json()["title"] == unknown.json()["title"]
    assert user.get(f"/jobs/{job['id']}").json()["state"] == "scheduled"


def test_admin_sees_and_steers_every_job_when_asked_to(user: httpx.Client, admin: httpx.Client) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    path, every = f"/jobs/{job['id']}", {"all": True}
    assert admin.get(path, params=every).json()["user_id"] == job["user_id"]
    assert job["id"] in [found["id"] for found in admin.get("/jobs", params=every).json()["jobs"]]
    assert admin.post(f"{path}/cancel", params=every).json()["state"] == "cancelled"
    assert user.get(path).json()["state"] == "cancelled"


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/attempts", "/{id}/artifacts/trades"])
def test_nobody_else_may_ask_for_all(user: httpx.Client, path: str) -> None:
    job = submit(user, "pattern_scan", SCAN, run_at=later())
    answer = user.get("/jobs" + path.format(id=job["id"]), params={"all": True})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
