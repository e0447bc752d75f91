"""Pause, drain and resume of queues, with real workers."""

from collections.abc import Iterator

import httpx
import pytest
import redis

from backend.core.errors import QueueDraining
from backend.core.jobs.registry import QUEUES
from backend.core.jobs.submission import JobOptions
from backend.services import job_runner
from backend.services.job_runner import enqueue_job
from backend.settings.connections import normal_database_url
from tests.integration.api.problems import problem
from tests.integration.api.test_jobs import SCAN
from tests.platform import Platform, finished, submit
from tests.waiting import eventually

NEW_SCAN = {"job_type": "pattern_scan", "payload": SCAN, "reuse": "never"}
BACKTEST = {"symbols": ["AAPL"], "strategy": {"kind": "buy_and_hold"}}


@pytest.fixture
def scans(admin: httpx.Client) -> Iterator[str]:
    """The path of the queue of scans, which is open again at the end."""
    yield "/queues/pattern_scan"
    admin.post("/queues/pattern_scan/resume").raise_for_status()


def test_all_queues_are_listed_with_their_depths(platform: Platform, admin: httpx.Client, scans: str) -> None:
    admin.post(f"{scans}/pause")
    others = next(queue for queue in admin.get("/queues").json()["queues"] if queue["name"] == "pattern_scan")
    with platform.client() as user:
        job = submit(user, "pattern_scan", SCAN)
        later = submit(user, "pattern_scan", SCAN, run_at="2100-01-01T00:00:00Z")
        queues = {queue["name"]: queue for queue in admin.get("/queues").json()["queues"]}
        for waiting in (job, later):
            user.post(f"/jobs/{waiting['id']}/cancel")
    assert set(queues) == set(QUEUES)
    scan = queues["pattern_scan"]
    assert (scan["is_paused"], scan["is_draining"], scan["is_empty"]) == (True, False, False)
    added = {state: scan[state] - others[state] for state in ("queued", "scheduled", "running", "waiting")}
    assert added == {"queued": 1, "scheduled": 1, "running": 0, "waiting": 0}
    assert 0 <= scan["oldest_age_s"] < 60
    assert scan["slots"] == 2
    assert queues["model_training"]["is_empty"]


def test_nothing_of_a_paused_queue_begins_until_it_is_resumed(
    platform: Platform, admin: httpx.Client, scans: str
) -> None:
    assert admin.post(f"{scans}/pause").json()["is_paused"] is True
    with platform.client() as user:
        jobs = [submit(user, "pattern_scan", SCAN) for _ in range(3)]
        # Another queue's jobs come and go meanwhile, and the relay makes its rounds.
        for _ in range(3):
            finished(admin, submit(admin, "probe", {"sleep_s": 0.5})["id"])
        states = {user.get(f"/jobs/{job['id']}").json()["state"] for job in jobs}
        assert states == {"queued"}
        assert admin.post(f"{scans}/resume").json()["is_paused"] is False
        assert [finished(user, job["id"])["state"] for job in jobs] == ["succeeded"] * 3


def test_the_relay_does_not_ring_for_a_paused_queue(platform: Platform, admin: httpx.Client, scans: str) -> None:
    admin.post(f"{scans}/pause")
    with platform.client() as user:
        job = submit(user, "pattern_scan", SCAN)
        eventually(lambda: bells(platform) == 0, what="the submit's own bell to be answered")
        finished(admin, submit(admin, "probe", {"sleep_s": 1.5})["id"])  # three rounds of the relay
        assert bells(platform) == 0
        user.post(f"/jobs/{job['id']}/cancel")


def test_a_running_job_goes_on_while_its_queue_is_paused(admin: httpx.Client) -> None:
    job = submit(admin, "probe", {"sleep_s": 1.5})
    eventually(lambda: admin.get(f"/jobs/{job['id']}").json()["state"] == "running", what="the start")
    try:
        admin.post("/queues/probe/pause")
        assert finished(admin, job["id"])["state"] == "succeeded"
    finally:
        admin.post("/queues/probe/resume")


def test_jobs_of_all_priorities_run_in_their_order_once_the_queue_is_resumed(
    platform: Platform, admin: httpx.Client
) -> None:
    order = [5, 0, 9, 3, 7, 1, 8, 2, 6, 4]
    admin.post("/queues/probe/pause")
    try:
        jobs = [submit(admin, "probe", {"sleep_s": 0.05}, priority=priority) for priority in order]
    finally:
        admin.post("/queues/probe/resume")
    for job in jobs:
        finished(admin, job["id"])
    ran = platform.rows(
        "SELECT priority FROM jobs WHERE id = ANY(%s::uuid[]) ORDER BY started_at", [job["id"] for job in jobs]
    )
    assert [row["priority"] for row in ran] == sorted(order)


def test_a_draining_queue_takes_nothing_new_and_finishes_what_it_has(
    platform: Platform, admin: httpx.Client, scans: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with platform.client(user="drained") as user:
        admin.post(f"{scans}/pause")
        there = user.post("/jobs", json=NEW_SCAN, headers={"Idempotency-Key": "k"})
        failed = submit(user, "pattern_scan", SCAN, reuse="never")
        user.post(f"/jobs/{failed['id']}/cancel")
        admin.post(f"{scans}/resume")
        assert admin.post(f"{scans}/drain").json()["is_draining"] is True
        assert finished(user, there.json()["id"])["state"] == "succeeded"

        refused = eventually(lambda: refusal(user), what="the API to know that the queue is draining")
        problem(refused, 503, "queue_draining")
        assert refused.headers["Retry-After"] == "30"
        before = [job["id"] for job in user.get("/jobs").json()["jobs"]]
        problem(user.post("/jobs", json=NEW_SCAN), 503, "queue_draining")
        problem(user.post(f"/jobs/{failed['id']}/retry"), 503, "queue_draining")
        bulk = {"filter": {"states": ["cancelled"], "job_types": ["pattern_scan"]}}
        count = user.post("/jobs/bulk/retry", json=bulk).json()["matched"]
        problem(user.post("/jobs/bulk/retry", json=bulk | {"confirm": count}), 503, "queue_draining")
        assert [job["id"] for job in user.get("/jobs").json()["jobs"]] == before
        # What was taken before is answered as before.
        again = user.post("/jobs", json=NEW_SCAN, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.json()["id"]) == (202, there.json()["id"])
        # Other queues go on.
        assert user.post("/jobs", json={"job_type": "backtest", "payload": BACKTEST}).status_code == 202

        for name, value in platform.environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(QueueDraining):
            enqueue_job(job_type="pattern_scan", user_id="drained", payload=SCAN, options=JobOptions(reuse="never"))
        job_runner._engine(normal_database_url(platform.database_url)).dispose()

        assert admin.post(f"{scans}/resume").json()["is_draining"] is False
        taken = eventually(lambda: accepted(user), what="the queue to take jobs again")
        assert finished(user, taken["id"])["state"] == "succeeded"


def test_who_changed_a_queue_is_kept_and_changing_nothing_is_no_change(
    platform: Platform, admin: httpx.Client, scans: str
) -> None:
    with platform.client("admin", user="first-operator") as first, platform.client("admin") as second:
        paused = first.post(f"{scans}/pause").json()
        again = second.post(f"{scans}/pause").json()
    assert (paused["changed_by"], again["changed_by"]) == ("first-operator", "first-operator")
    assert again["changed_at"] == paused["changed_at"]
    logs = "".join(path.read_text() for path in platform.data_dir.glob("backend-*.log"))
    assert [line for line in logs.splitlines() if "queue_paused" in line and "first-operator" in line]


@pytest.mark.parametrize("path", ["/queues/backtest/pause", "/queues/backtest/drain", "/queues/backtest/resume"])
def test_queues_are_the_admins(user: httpx.Client, path: str) -> None:
    problem(user.get("/queues"), 403, "forbidden")
    problem(user.post(path), 403, "forbidden")


def test_an_unknown_queue_is_not_found(admin: httpx.Client) -> None:
    document = problem(admin.post("/queues/nonsense/pause"), 404, "not_found")
    assert "backtest" in str(document["detail"])


def refusal(user: httpx.Client) -> httpx.Response | None:
    answer = user.post("/jobs", json=NEW_SCAN)
    return None if answer.status_code == 202 else answer


def accepted(user: httpx.Client) -> dict[str, str] | None:
    answer = user.post("/jobs", json=NEW_SCAN)
    return answer.json() if answer.status_code == 202 else None


def bells(platform: Platform) -> int:
    with redis.Redis.from_url(platform.redis_url) as broker:
        return int(broker.llen("pattern_scan"))
