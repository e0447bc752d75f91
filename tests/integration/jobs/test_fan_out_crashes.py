"""Fan-outs under fire: processes killed while they fan out, while children run, while the merge step runs."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest

from tests.platform import Platform, finished, submit
from tests.waiting import eventually

KILL_FOR_S = 12.0


@pytest.fixture(scope="module")
def own(new_platform: Callable[..., Platform]) -> Platform:
    """An installation whose workers may be killed: two of them, and short leases."""
    platform = new_platform(JOBS__LEASE_S="3", JOBS__RENEW_EVERY_S="0.5")
    platform.start_all(workers=2, queues="probe")
    return platform


def running(platform: Platform, job_id: str) -> list[dict[str, Any]]:
    return platform.rows("SELECT worker_pid, fan_out FROM jobs WHERE id = %s AND state = 'running'", job_id)


def effects(platform: Platform, job_id: str) -> list[int]:
    """Return how many effects the job and each job below it has had."""
    return [
        row["n"]
        for row in platform.rows(
            "WITH RECURSIVE kin AS (SELECT id, fan_out FROM jobs WHERE id = %s UNION ALL "
            "SELECT c.id, c.fan_out FROM jobs c JOIN kin p ON c.parent_id = p.id) "
            "SELECT (SELECT count(*) FROM probe_effects e WHERE e.job_id = kin.id) AS n FROM kin",
            job_id,
        )
    ]


def test_merge_step_whose_process_is_killed_is_run_again_on_the_same_children(own: Platform) -> None:
    with own.client("admin") as client:
        job = submit(client, "probe", {"children": 3, "merge_sleep_s": 1.5})
        merging = eventually(
            lambda: [row for row in running(own, job["id"]) if row["fan_out"]], timeout_s=40, what="the merge step"
        )
        os.kill(merging[0]["worker_pid"], signal.SIGKILL)
        ended = finished(client, job["id"])
        outcomes = [a["outcome"] for a in client.get(f"/jobs/{job['id']}/attempts").json()["attempts"]]
    assert (ended["state"], ended["result"]["succeeded_children"]) == ("succeeded", 3)
    assert outcomes == ["fanned_out", "lost", "succeeded"]
    assert effects(own, job["id"]) == [1, 1, 1, 1]


def test_child_whose_process_is_killed_is_tried_again_and_its_parent_waits(own: Platform) -> None:
    with own.client("admin") as client:
        job = submit(client, "probe", {"children": [{"sleep_s": 1.5}, {}]})
        pids = eventually(
            lambda: own.rows("SELECT worker_pid FROM jobs WHERE parent_id = %s AND state = 'running'", job["id"]),
            what="a child that runs",
        )
        os.kill(pids[0]["worker_pid"], signal.SIGKILL)
        ended = finished(client, job["id"])
    assert (ended["state"], ended["result"]["succeeded_children"]) == ("succeeded", 2)


def test_processes_killed_at_any_moment_leave_all_of_a_fan_out_or_nothing(own: Platform) -> None:
    branch = {"children": 4}
    with own.client("admin") as client:
        jobs = [submit(client, "probe", {"children": [branch] * 3}, max_attempts=20)["id"] for _ in range(12)]
        deadline, turn = time.monotonic() + KILL_FOR_S, 0
        while time.monotonic() < deadline:
            holders = own.rows(
                "SELECT worker_pid FROM jobs WHERE state = 'running' ORDER BY md5(id::text || %s)", str(turn)
            )
            turn += 1
            if not holders and not own.rows("SELECT 1 FROM jobs WHERE finished_at IS NULL LIMIT 1"):
                break
            if holders:
                with suppress(ProcessLookupError):
                    os.kill(holders[0]["worker_pid"], signal.SIGKILL)
                gone = holders[0]["worker_pid"]
                eventually(lambda pid=gone: not _lives(pid), what="its end")
        ended = [finished(client, job_id, timeout_s=120) for job_id in jobs]
    assert turn > 3
    assert {job["state"] for job in ended} == {"succeeded"}, [job["error"] for job in ended]
    partial = own.rows(
        "SELECT parent_id, parent_token, count(*) AS n FROM jobs WHERE parent_id IS NOT NULL AND depth > 0 "
        "AND user_id = %s GROUP BY 1, 2 HAVING count(*) NOT IN (3, 4)",
        ended[0]["user_id"],
    )
    assert partial == []
    for job_id in jobs:
        assert effects(own, job_id) == [1] * 16
    assert own.rows("SELECT running FROM job_lanes WHERE running <> 0") == []


def _lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_batch_ends_though_its_workers_are_killed(own: Platform) -> None:
    with own.client("admin") as client:
        jobs = [{"job_type": "probe", "payload": {"sleep_s": 0.05}, "max_attempts": 20}] * 80
        batch = client.post("/jobs/batch", json={"jobs": jobs}).json()
        for _ in range(4):
            holder = eventually(lambda: own.rows("SELECT worker_pid FROM jobs WHERE state = 'running'"), what="a job")
            with suppress(ProcessLookupError):
                os.kill(holder[0]["worker_pid"], signal.SIGKILL)

        def done() -> dict[str, Any] | None:
            told = client.get(f"/jobs/batches/{batch['id']}", params={"wait": 10}).json()
            return told if told["finished_at"] else None

        ended = eventually(done, timeout_s=120, what="the end of the batch")
    assert ended is not None
    assert ended["counts"]["succeeded"] == 80
