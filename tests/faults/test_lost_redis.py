"""Redis dies, forgets or hangs: rows are as they were, submits go on, and every job is rung for again."""

from collections.abc import Callable

import httpx
import pytest

from tests.faults.scenes import end_of, started
from tests.faults.stage import Stage, disagreements
from tests.platform import submit
from tests.waiting import eventually

BLOWS: dict[str, Callable[[Stage], None]] = {
    "killed and empty": lambda stage: stage.servers.kill_redis(is_forgetful=True),
    "killed with its file": lambda stage: stage.servers.kill_redis(is_forgetful=False),
    "flushed": lambda stage: stage.servers.flush_redis(),
}


@pytest.mark.parametrize("blow", BLOWS)
def test_queued_jobs_survive_redis(stage: Stage, admin: httpx.Client, blow: str) -> None:
    holders = [submit(admin, "probe", {"sleep_s": 1.0})["id"] for _ in range(4)]
    waiting = [submit(admin, "probe", {})["id"] for _ in range(8)]
    BLOWS[blow](stage)
    for job_id in (*holders, *waiting):
        assert end_of(admin, job_id)["state"] == "succeeded"
    eventually(lambda: not disagreements(stage), timeout_s=60, what="Redis and rows to agree")


def test_bells_that_were_lost_while_no_worker_was_there_are_rung_again(stage: Stage, admin: httpx.Client) -> None:
    for worker in stage.workers:
        worker.stop()
    for worker in stage.workers:
        worker.wait_stopped()
    waiting = [submit(admin, "probe", {})["id"] for _ in range(4)]
    with stage.broker() as broker:
        eventually(lambda: broker.llen("probe") > 0, what="a bell")
        broker.flushall()
    for worker in stage.workers:
        worker.start()
    for job_id in waiting:
        assert end_of(admin, job_id)["state"] == "succeeded"


def test_submits_are_accepted_while_redis_hangs(stage: Stage, admin: httpx.Client) -> None:
    with stage.servers.hung_redis():
        ids = [submit(admin, "probe", {})["id"] for _ in range(5)]
    for job_id in ids:
        assert end_of(admin, job_id)["state"] == "succeeded"


def test_a_running_job_ends_while_redis_hangs(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 0.5})
    with stage.servers.hung_redis():
        eventually(
            lambda: stage.rows("SELECT 1 FROM jobs WHERE id = %s AND state = 'succeeded'", job["id"]),
            timeout_s=60,
            what="the end without Redis",
        )
