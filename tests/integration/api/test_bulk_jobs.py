"""Cancelling and retrying by filter: counted, confirmed, bounded, and safe while workers are at it."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis

from tests.integration.api.problems import problem
from tests.integration.api.test_jobs import SCAN
from tests.platform import Platform, submit
from tests.waiting import eventually

BACKTEST = {"symbols": ["AAPL"], "strategy": {"kind": "buy_and_hold"}}


@pytest.fixture(scope="module")
def quiet(new_platform: Callable[..., Platform]) -> Platform:
    """An API without workers that changes thirty jobs at once at most."""
    platform = new_platform(JOBS__MAX_BULK_JOBS="30")
    platform.start_api()
    return platform


@pytest.fixture
def owner(quiet: Platform) -> Iterator[httpx.Client]:
    with quiet.client() as client:
        yield client


def bulk(client: httpx.Client, verb: str, confirm: int | None = None, *, every: bool = False, **chosen: Any) -> Any:
    query = {"all": "true"} if every else {}
    return client.post(f"/jobs/bulk/{verb}", json={"filter": chosen, "confirm": confirm}, params=query)


def states(client: httpx.Client) -> Counter[str]:
    return Counter(job["state"] for job in client.get("/jobs", params={"limit": 200}).json()["jobs"])


def test_without_a_number_jobs_are_counted_and_left_alone(owner: httpx.Client) -> None:
    for _ in range(3):
        submit(owner, "pattern_scan", SCAN)
    answer = bulk(owner, "cancel")
    assert (answer.status_code, answer.json()) == (
        200,
        {"matched": 3, "is_dry_run": True, "cancelled": 0, "asked_to_stop": 0, "queued": 0, "skipped": 0},
    )
    assert states(owner) == {"queued": 3}


@pytest.mark.parametrize("confirm", [0, 2, 4])
def test_with_another_number_nothing_is_changed_and_the_right_one_is_told(owner: httpx.Client, confirm: int) -> None:
    for _ in range(3):
        submit(owner, "pattern_scan", SCAN)
    document = problem(bulk(owner, "cancel", confirm), 409, "not_confirmed")
    assert "matches 3 jobs" in str(document["detail"])
    assert states(owner) == {"queued": 3}


def test_confirmed_jobs_are_cancelled_told_of_and_can_be_retried(quiet: Platform, owner: httpx.Client) -> None:
    jobs = [submit(owner, "pattern_scan", SCAN) for _ in range(5)]
    jobs.append(submit(owner, "pattern_scan", SCAN, run_at="2100-01-01T00:00:00Z"))
    assert bulk(owner, "cancel", 6).json()["cancelled"] == 6
    cancelled = [owner.get(f"/jobs/{job['id']}").json() for job in jobs]
    assert {(job["state"], job["version"]) for job in cancelled} == {("cancelled", 2)}
    assert all(job["finished_at"] >= job["cancel_requested_at"] for job in cancelled)
    assert bulk(owner, "cancel", 0).json()["matched"] == 0

    answer = bulk(owner, "retry", 6).json()
    assert (answer["matched"], answer["queued"], answer["skipped"]) == (6, 6, 0)
    again = [owner.get(f"/jobs/{job['id']}").json() for job in jobs]
    assert {(job["state"], job["version"], job["cancel_requested_at"]) for job in again} == {("queued", 3, None)}
    history = f"aitrader:job_updates:{jobs[0]['user_id']}:history"
    with redis.Redis.from_url(quiet.redis_url) as broker:
        eventually(lambda: broker.xlen(history) == 18, what="a message for each change of each job")
    assert eventually(lambda: quiet.rows("SELECT 1 FROM job_outbox") == [], what="all changes told") is True


@pytest.mark.parametrize(
    ("chosen", "count"),
    [
        ({"states": ["scheduled"]}, 1),
        ({"states": ["scheduled", "queued"]}, 4),
        ({"job_types": ["backtest"]}, 2),
        ({"job_types": ["backtest", "pattern_scan"], "states": ["queued"]}, 3),
        ({"created_before": "2020-01-01T00:00:00Z"}, 0),
        ({"created_after": "2020-01-01T00:00:00Z"}, 4),
        ({"batch": "00000000-0000-7000-8000-000000000000"}, 0),
        ({"ids": ["00000000-0000-7000-8000-000000000000"]}, 0),
    ],
)
def test_every_part_of_a_filter_narrows(owner: httpx.Client, chosen: dict[str, Any], count: int) -> None:
    for _ in range(2):
        submit(owner, "backtest", BACKTEST)
    submit(owner, "pattern_scan", SCAN)
    submit(owner, "pattern_scan", SCAN, run_at="2100-01-01T00:00:00Z")
    assert bulk(owner, "cancel", count, **chosen).json()["cancelled"] == count
    assert states(owner)["cancelled"] == count


def test_a_batch_is_cancelled_by_its_id(quiet: Platform, owner: httpx.Client) -> None:
    jobs = [submit(owner, "pattern_scan", SCAN) for _ in range(3)]
    batch = "00000000-0000-7000-8000-00000000000b"
    quiet.rows("UPDATE jobs SET batch_id = %s WHERE id = ANY(%s::uuid[])", batch, [job["id"] for job in jobs[:2]])
    assert bulk(owner, "cancel", 2, batch=batch).json()["cancelled"] == 2
    assert bulk(owner, "cancel", 1, ids=[jobs[2]["id"]]).json()["cancelled"] == 1


def test_others_jobs_are_out_of_reach_but_for_admins_who_ask_for_all(quiet: Platform, owner: httpx.Client) -> None:
    mine = submit(owner, "pattern_scan", SCAN)
    with quiet.client() as other, quiet.client("admin") as admin:
        assert bulk(other, "cancel", ids=[mine["id"]]).json()["matched"] == 0
        problem(bulk(other, "cancel", every=True, ids=[mine["id"]]), 403, "forbidden")
        assert bulk(admin, "cancel", ids=[mine["id"]]).json()["matched"] == 0
        assert bulk(admin, "cancel", 1, every=True, ids=[mine["id"]]).json()["cancelled"] == 1
        assert bulk(admin, "retry", 1, every=True, ids=[mine["id"]]).json()["queued"] == 1
    lane = quiet.rows(
        "SELECT max_running FROM job_lanes l JOIN jobs j USING (queue, user_id) WHERE j.id = %s", mine["id"]
    )
    assert lane == [{"max_running": 2}], "the lane has its owner's cap, not the admin's"


def test_a_retry_opens_the_lane_that_was_deleted_meanwhile(quiet: Platform, owner: httpx.Client) -> None:
    one, many = submit(owner, "pattern_scan", SCAN), submit(owner, "backtest", BACKTEST)
    assert bulk(owner, "cancel", 2).json()["cancelled"] == 2
    quiet.rows("DELETE FROM job_lanes")
    owner.post(f"/jobs/{one['id']}/retry").raise_for_status()
    assert bulk(owner, "retry", 1).json()["queued"] == 1
    lanes = quiet.rows("SELECT queue, max_running FROM job_lanes ORDER BY queue")
    assert lanes == [{"queue": "backtest", "max_running": 2}, {"queue": "pattern_scan", "max_running": 2}]
    assert {one["state"], many["state"]} == {"queued"}


def test_more_than_may_be_changed_at_once_are_refused_with_their_number(owner: httpx.Client) -> None:
    for _ in range(31):
        submit(owner, "pattern_scan", SCAN)
    for confirm in (None, 31):
        document = problem(bulk(owner, "cancel", confirm), 422, "invalid_request")
        assert "at most 30 jobs, it matches 31" in str(document["detail"])
    assert states(owner) == {"queued": 31}


@pytest.mark.parametrize(
    ("verb", "body", "path"),
    [
        ("cancel", {"filter": {"states": ["failed"]}}, "filter.states"),
        ("retry", {"filter": {"states": ["queued"]}}, "filter.states"),
        ("retry", {"filter": {"job_types": ["nonsense"]}}, "filter.job_types"),
        ("cancel", {"filter": {"created_after": "2020-01-01T00:00:00"}}, "filter.created_after"),
        ("cancel", {"filter": {"colour": "red"}}, "filter.colour"),
        ("cancel", {"filter": {}, "confirm": "3"}, "confirm"),
        ("cancel", {"filter": {}, "confirm": -1}, "confirm"),
        ("cancel", {"confirm": 1}, "filter"),
    ],
)
def test_a_wrong_request_is_told_where(owner: httpx.Client, verb: str, body: dict[str, Any], path: str) -> None:
    submit(owner, "pattern_scan", SCAN)
    document = problem(owner.post(f"/jobs/bulk/{verb}", json=body), 422, "invalid_request")
    assert [found["path"] for found in document["errors"]] == [path]
    assert states(owner) == {"queued": 1}


def test_running_jobs_are_asked_to_stop_and_waiting_ones_end_at_once(admin: httpx.Client) -> None:
    for _ in range(4):
        submit(admin, "probe", {"sleep_s": 60})
    eventually(lambda: states(admin)["running"] == 2, what="both slots to be taken")
    answer = bulk(admin, "cancel", 4).json()
    assert (answer["cancelled"], answer["asked_to_stop"]) == (2, 2)
    assert bulk(admin, "cancel").json()["matched"] == 0, "those asked already are not meant again"
    eventually(lambda: states(admin) == {"cancelled": 4}, what="all to end")


def test_bulk_changes_while_workers_run_lose_nothing_and_never_deadlock(platform: Platform) -> None:
    """Jobs are submitted, run, cancelled and retried all at once; in the end each of them has ended."""
    with platform.client("admin") as client, ThreadPoolExecutor(4) as pool:
        user_id = platform.rows("SELECT user_id FROM jobs WHERE id = %s", submit(client, "probe", {})["id"])[0][
            "user_id"
        ]

        def steer(verb: str) -> list[int]:
            found = []
            for _ in range(12):
                count = bulk(client, verb).json()["matched"]
                answer = bulk(client, verb, count)
                assert answer.status_code in {200, 409}, answer.text
                found.append(answer.json().get("matched", 0))
            return found

        def flood() -> int:
            for number in range(60):
                submit(client, "probe", {"sleep_s": 0.02 if number % 3 else 0})
            return 60

        tasks = [
            pool.submit(flood),
            pool.submit(steer, "cancel"),
            pool.submit(steer, "retry"),
            pool.submit(steer, "cancel"),
        ]
        assert [task.result(120) is not None for task in tasks] == [True] * 4
        left = "SELECT 1 FROM jobs WHERE user_id = %s AND finished_at IS NULL"
        eventually(lambda: not platform.rows(left, user_id), timeout_s=60, what="every job to end")
        assert sum(states(client).values()) == 61
    # Nothing ran twice in effect, and no cancelled job has one.
    effects = platform.rows(
        "SELECT j.state, count(e.id) AS n FROM jobs j LEFT JOIN probe_effects e ON e.job_id = j.id "
        "WHERE j.user_id = %s GROUP BY j.id, j.state",
        user_id,
    )
    assert {(row["state"], row["n"]) for row in effects} <= {("succeeded", 1), ("cancelled", 0)}
    running = platform.rows("SELECT running FROM job_lanes WHERE user_id = %s", user_id)
    assert running == [{"running": 0}]
