"""Words to set a scene with one job: start it, find who runs it, see how it ended."""

from typing import Any

import httpx

from tests.faults.actors import Actor
from tests.faults.stage import READY_WITHIN_S, Stage
from tests.platform import finished, submit
from tests.waiting import eventually

ENDS_WITHIN_S = 90.0


def started(stage: Stage, client: httpx.Client, payload: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Submit a probe; return its row once it runs."""
    job = submit(client, "probe", payload, **options)
    rows = eventually(lambda: running(stage, job["id"]), timeout_s=READY_WITHIN_S, what="the start")
    return rows[0]


def running(stage: Stage, job_id: str) -> list[dict[str, Any]]:
    return stage.rows(
        "SELECT id::text AS id, user_id, attempt, worker_pid, lease_token::text AS token, started_at FROM jobs "
        "WHERE id = %s AND state = 'running'",
        job_id,
    )


def holder(stage: Stage, job: dict[str, Any]) -> Actor:
    """Return the worker whose child runs the job."""
    return next(worker for worker in stage.workers if worker.lives() and job["worker_pid"] in worker.pool())


def end_of(client: httpx.Client, job_id: str) -> dict[str, Any]:
    return finished(client, job_id, timeout_s=ENDS_WITHIN_S)


def outcomes(client: httpx.Client, job_id: str) -> list[str]:
    attempts = client.get(f"/jobs/{job_id}/attempts").json()["attempts"]
    return [attempt["outcome"] for attempt in attempts]


def effects(stage: Stage, job_id: str) -> int:
    return stage.count("SELECT count(*) FROM probe_effects WHERE job_id = %s", job_id)
