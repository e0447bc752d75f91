"""One job through all processes' logs, by the id of the request that it came with; and what Flower shows of it."""

import json
import os
import signal
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import psutil
import pytest

from tests.platform import Platform, free_port, submit
from tests.waiting import eventually


def lines_about(platform: Platform, request_id: str) -> list[dict[str, Any]]:
    """Return the lines of all logs that carry the request's id."""
    texts = (log.read_text(errors="replace") for log in platform.data_dir.glob("*.log"))
    lines = (line for text in texts for line in text.splitlines() if request_id in line and line.startswith("{"))
    return [line for line in map(json.loads, lines) if line.get("request_id") == request_id]


@pytest.fixture(scope="module")
def own(new_platform: Callable[..., Platform]) -> Platform:
    platform = new_platform(JOBS__LEASE_S="5", JOBS__RENEW_EVERY_S="0.5", LOG_LEVEL="INFO")
    platform.start_all(queues="probe")
    return platform


def running(platform: Platform, job_id: str, attempt: int) -> dict[str, Any]:
    look = "SELECT worker_pid FROM jobs WHERE id = %s AND state = 'running' AND attempt = %s"
    found = eventually(lambda: platform.rows(look, job_id, attempt), timeout_s=60, what=f"attempt {attempt}")
    return dict(found[0])


def test_one_job_is_followed_through_every_process_by_its_request_id(own: Platform) -> None:
    request_id = f"trail-{uuid.uuid4().hex}"
    with own.client("admin") as admin:
        admin.headers["X-Request-ID"] = request_id
        answer = admin.post(
            "/jobs", json={"job_type": "probe", "payload": {"sleep_s": 4, "log_lines": 1}, "max_attempts": 9}
        )
        assert answer.headers["X-Request-ID"] == request_id
        job_id = answer.json()["id"]
        assert answer.json()["request_id"] == request_id
        # The keeper tells of a child that is gone,
        os.kill(running(own, job_id, 1)["worker_pid"], signal.SIGKILL)
        running(own, job_id, 2)
        # the relay of a worker that is gone with its keeper,
        (worker,) = own.workers()
        everybody = [psutil.Process(worker["pid"]), *psutil.Process(worker["pid"]).children(recursive=True)]
        for process in everybody:
            process.suspend()
        for process in everybody:
            process.kill()
        taken_back = "SELECT 1 FROM jobs WHERE id = %s AND state = 'queued'"
        eventually(lambda: own.rows(taken_back, job_id), timeout_s=60, what="the relay to take it back")
        # and a new worker of how it ends.
        own.start("workers", "--concurrency", "1")
        ended = "SELECT 1 FROM jobs WHERE id = %s AND state = 'succeeded'"
        eventually(lambda: own.rows(ended, job_id), timeout_s=120, what="its end")

    def told() -> set[tuple[str, str]]:
        return {(line["service"], line["event"]) for line in lines_about(own, request_id)}

    expected = {
        ("api", "request"),
        ("worker", "probe_line"),
        ("keeper", "job_rescued"),
        ("relay", "lease_expired"),
        ("worker", "attempt_ended"),
    }
    eventually(lambda: told() >= expected, what="the whole trail")
    assert {line["job_id"] for line in lines_about(own, request_id)} == {job_id}


def test_flower_shows_type_queue_and_job_of_a_doorbell(own: Platform) -> None:
    port = free_port()
    settings = {"FLOWER_PORT": str(port), "FLOWER_ADDRESS": "127.0.0.1", "FLOWER_UNAUTHENTICATED_API": "true"}
    own.start("celery", "-A", "workers.app", "flower", **settings)

    def tasks() -> dict[str, Any]:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/api/tasks", timeout=5)
        except httpx.TransportError:
            return {}
        return dict(answer.json()) if answer.status_code == 200 else {}

    with own.client("admin") as admin:

        def seen() -> dict[str, Any] | None:
            job = submit(admin, "probe", {})["id"]  # Flower hears only what rings once it listens
            known = eventually(lambda: [task for task in tasks().values() if task["kwargs"]] or [None], what="Flower")
            return next((task for task in known if task is not None and job in task["kwargs"]), None)

        task = eventually(seen, timeout_s=90, what="the doorbell in Flower")
    assert "'type': 'probe', 'queue': 'probe', 'job': '" in task["kwargs"]
    assert task["name"] == "jobs.run_next"
