"""The API dies between its commit and the bell; the relay dies, and another takes over."""

import httpx

from tests.faults.scenes import end_of, started
from tests.faults.stage import READY_WITHIN_S, Stage
from tests.platform import submit
from tests.waiting import eventually


def test_jobs_whose_bell_died_with_the_api_are_run(stage: Stage, admin: httpx.Client) -> None:
    with stage.servers.hung_redis(is_fatal=True):  # so that no bell gets out
        ids = [submit(admin, "probe", {})["id"] for _ in range(5)]
        stage.apis[0].kill()
    other = httpx.Client(base_url=stage.urls[1], headers=admin.headers, timeout=40)
    with other:
        for job_id in ids:
            assert end_of(other, job_id)["state"] == "succeeded"


def test_a_standby_relay_takes_over_and_mends(stage: Stage, admin: httpx.Client) -> None:
    first = eventually(stage.active_relay, timeout_s=READY_WITHIN_S, what="an active relay")
    pid = first.pid
    first.kill()
    due = stage.rows("SELECT clock_timestamp() + interval '1 second' AS at")[0]["at"]
    job = submit(admin, "probe", {}, run_at=due.isoformat())  # only a relay can queue it
    assert end_of(admin, job["id"])["state"] == "succeeded"
    second = eventually(stage.active_relay, timeout_s=READY_WITHIN_S, what="another relay")
    assert second.pid != pid


def test_a_whole_host_dies_together_with_the_active_relay(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 1.0})
    relay = eventually(stage.active_relay, timeout_s=READY_WITHIN_S, what="an active relay")
    worker = next(w for w in stage.workers if w.lives() and job["worker_pid"] in w.pool())
    worker.kill_tree()
    relay.kill()
    assert end_of(admin, job["id"])["state"] == "succeeded"
