"""What crashes must not do: lose a job, do one twice, let one user starve another."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import psutil
import pytest
import redis

from backend.core.jobs.registry import QUEUES
from tests.platform import Platform, finished, submit
from tests.waiting import eventually


@pytest.fixture(scope="module")
def own(new_platform: Callable[..., Platform]) -> Platform:
    """An installation whose workers may be killed: two of them, and short leases."""
    platform = new_platform(JOBS__LEASE_S="3", JOBS__RENEW_EVERY_S="0.5")
    platform.start_all(workers=2, queues="probe,backtest")
    return platform


def keepers_of(pid: int) -> set[int]:
    return {child for child, command in _children(pid) if "workers.keeper" in command}


def pool_of(pid: int) -> set[int]:
    return {child for child, command in _children(pid) if command and "workers.keeper" not in command}


def _children(pid: int) -> Iterator[tuple[int, list[str]]]:
    for child in psutil.Process(pid).children():
        with suppress(psutil.Error):  # it may be gone by now
            yield child.pid, child.cmdline()


def lanes(platform: Platform) -> list[dict[str, int]]:
    return platform.rows("SELECT running FROM job_lanes WHERE running <> 0")


def test_500_probes_of_five_users_finish_once_each_though_children_are_killed(own: Platform) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(own.client("admin")) for _ in range(5)]
        ids = [submit(clients[i % 5], "probe", {"sleep_s": 0.01})["id"] for i in range(250)]
        for worker in own.workers():
            os.kill(min(pool_of(worker["pid"])), signal.SIGKILL)
        ids += [submit(clients[i % 5], "probe", {"sleep_s": 0.01})["id"] for i in range(250)]

    def unfinished() -> int:
        return own.rows("SELECT count(*) AS n FROM jobs WHERE finished_at IS NULL")[0]["n"]

    eventually(lambda: unfinished() == 0, timeout_s=90, what="the end of 500 jobs")
    states = own.rows("SELECT state, count(*) AS n FROM jobs WHERE id = ANY(%s::uuid[]) GROUP BY 1", ids)
    effects = own.rows("SELECT count(*) AS n, count(DISTINCT job_id) AS jobs FROM probe_effects")
    assert states == [{"state": "succeeded", "n": 500}]
    assert effects == [{"n": 500, "jobs": 500}]
    assert lanes(own) == []


def test_a_child_killed_in_the_middle_loses_nothing(own: Platform) -> None:
    with own.client("admin") as client:
        job = submit(client, "probe", {"sleep_s": 1.5})
        pid = eventually(
            lambda: own.rows("SELECT worker_pid FROM jobs WHERE id = %s AND state = 'running'", job["id"]),
            what="the start",
        )[0]["worker_pid"]
        os.kill(pid, signal.SIGKILL)
        ended = finished(client, job["id"])
        attempts = client.get(f"/jobs/{job['id']}/attempts").json()["attempts"]
    assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
    assert [a["outcome"] for a in attempts] == ["lost", "succeeded"]


def test_a_job_without_attempts_left_fails_as_worker_lost(own: Platform) -> None:
    with own.client("admin") as client:
        job = finished(
            client, submit(client, "probe", {"fail_attempts": 5, "fail_with": "segfault"}, max_attempts=2)["id"]
        )
    assert (job["state"], job["attempt"], job["error"]["code"]) == ("failed", 2, "worker_lost")


def test_a_worker_killed_whole_has_its_job_taken_over(own: Platform) -> None:
    worker = own.start_worker("--concurrency", "1", "--queues", "probe")
    with own.client("admin") as client:
        jobs = [submit(client, "probe", {"sleep_s": 2.0}) for _ in range(6)]
        mine = eventually(
            lambda: own.rows(
                "SELECT id::text AS id FROM jobs WHERE state = 'running' AND worker_pid = ANY(%s)",
                sorted(pool_of(worker.pid)),
            ),
            what="a job on the new worker",
        )
        worker.kill()
        worker.wait()
        ended = [finished(client, job["id"], timeout_s=60) for job in jobs]
        attempts = client.get(f"/jobs/{mine[0]['id']}/attempts").json()["attempts"]
    assert {job["state"] for job in ended} == {"succeeded"}
    assert [a["outcome"] for a in attempts] == ["lost", "succeeded"]


def test_a_graceful_stop_gives_the_attempt_back(own: Platform) -> None:
    worker = own.start_worker("--concurrency", "1", "--queues", "probe")
    children = sorted(pool_of(worker.pid))
    with own.client("admin") as client:
        jobs = [submit(client, "probe", {"sleep_s": 3.0}) for _ in range(6)]
        mine = eventually(
            lambda: own.rows(
                "SELECT id::text AS id FROM jobs WHERE state = 'running' AND worker_pid = ANY(%s)", children
            ),
            what="a job on the new worker",
        )[0]["id"]
        worker.terminate()
        assert worker.wait(20) == 0
        ended = [finished(client, job["id"], timeout_s=60) for job in jobs]
        attempts = client.get(f"/jobs/{mine}/attempts").json()["attempts"]
    assert {job["state"] for job in ended} == {"succeeded"}
    assert {job["attempt"] for job in ended} == {1}
    assert [a["outcome"] for a in attempts] == ["given_back", "succeeded"]


def test_a_job_that_ignores_its_cancel_has_its_process_ended(own: Platform) -> None:
    with own.client("admin") as client:
        job = submit(client, "probe", {"sleep_s": 60})
        pid = eventually(
            lambda: own.rows("SELECT worker_pid FROM jobs WHERE id = %s AND state = 'running'", job["id"]),
            what="the start",
        )[0]["worker_pid"]
        os.kill(pid, signal.SIGSTOP)  # a native loop that never checks looks the same from outside
        client.post(f"/jobs/{job['id']}/cancel")
        ended = finished(client, job["id"])
    assert ended["state"] == "cancelled"
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_keeper_that_dies_is_replaced(own: Platform) -> None:
    worker = own.workers()[0]["pid"]
    killed = eventually(lambda: keepers_of(worker), what="the keeper")
    os.kill(min(killed), signal.SIGKILL)
    eventually(lambda: keepers_of(worker) - killed, what="another keeper")


def test_lost_doorbells_are_rung_again(own: Platform) -> None:
    with own.client("admin") as client, redis.Redis.from_url(own.redis_url) as broker:
        holders = [submit(client, "probe", {"sleep_s": 1.0}) for _ in range(8)]
        broker.delete(*QUEUES)
        for job in holders:
            assert finished(client, job["id"])["state"] == "succeeded"


def test_one_users_flood_delays_another_by_one_job_at_most(own: Platform) -> None:
    with own.client("admin") as crowd, own.client("admin") as single:
        flood = [submit(crowd, "probe", {"sleep_s": 1.0})["id"] for _ in range(60)]
        job = finished(single, submit(single, "probe", {})["id"])
        still_queued = own.rows(
            "SELECT count(*) AS n FROM jobs WHERE id = ANY(%s::uuid[]) AND state = 'queued'", flood
        )[0]["n"]
        assert job["state"] == "succeeded"
        assert still_queued > 30
        for job_id in flood:
            crowd.post(f"/jobs/{job_id}/cancel")


def test_a_free_user_runs_no_more_than_two_at_once(own: Platform) -> None:
    bars = {"symbols": ["AAPL"], "strategy": {"kind": "buy_and_hold"}}
    with own.client("free") as client:
        ids = [submit(client, "backtest", bars)["id"] for _ in range(12)]
        cap = own.rows("SELECT max_running FROM job_lanes l JOIN jobs j USING (queue, user_id) WHERE j.id = %s", ids[0])
        ended = [finished(client, job_id) for job_id in ids]
    overlaps = own.rows(
        """SELECT max(n) AS most FROM (
             SELECT count(*) AS n FROM job_attempts a JOIN job_attempts b
               ON b.job_id = ANY(%(ids)s::uuid[]) AND a.started_at >= b.started_at AND a.started_at < b.ended_at
             WHERE a.job_id = ANY(%(ids)s::uuid[]) GROUP BY a.lease_token) x""".replace("%(ids)s", "%s"),
        ids,
        ids,
    )
    assert cap == [{"max_running": 2}]
    assert {job["state"] for job in ended} == {"succeeded"}
    assert overlaps[0]["most"] <= 2
