"""Postgres dies, or ends sessions at the worst moment: what was committed stays, and is done once."""

from typing import Any

import httpx
import psycopg

from tests.faults.scenes import effects, end_of, outcomes, started
from tests.faults.stage import READY_WITHIN_S, Stage
from tests.platform import submit
from tests.waiting import eventually


def test_an_immediate_restart_loses_nothing_and_repeats_no_effect(stage: Stage, admin: httpx.Client) -> None:
    running = started(stage, admin, {"sleep_s": 3.0}, max_attempts=20)
    queued = [submit(admin, "probe", {"sleep_s": 0.2}, max_attempts=20)["id"] for _ in range(6)]
    stage.restart_postgres()
    for job_id in (running["id"], *queued):
        eventually(lambda job_id=job_id: is_done(stage, job_id), timeout_s=READY_WITHIN_S, what="the end")
        assert effects(stage, job_id) == 1


def test_a_session_that_is_ended_while_it_records_a_success_costs_nothing(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 1.0}, max_attempts=20)
    with psycopg.connect(stage.platform.database_url) as rival:
        # The lane is held, so that the finish waits in the middle of its transaction.
        rival.execute("SELECT 1 FROM job_lanes WHERE user_id = %s FOR UPDATE", [job["user_id"]])
        blocked = eventually(lambda: waiting_for(stage, rival), timeout_s=READY_WITHIN_S, what="the finish to wait")
        for row in blocked:
            stage.rows("SELECT pg_terminate_backend(%s)", row["pid"])
        rival.rollback()
    ended = end_of(admin, job["id"])
    assert ended["state"] == "succeeded"
    assert outcomes(admin, job["id"])[-1] == "succeeded"
    assert effects(stage, job["id"]) == 1


def is_done(stage: Stage, job_id: str) -> bool:
    return bool(stage.rows("SELECT 1 FROM jobs WHERE id = %s AND state = 'succeeded'", job_id))


def waiting_for(stage: Stage, rival: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    return stage.rows("SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))", rival.info.backend_pid)
