"""What is killed in the middle of a job: a child, the main process, the whole host, a keeper."""

import signal

import httpx
import pytest

from tests.faults.actors import signal_all
from tests.faults.scenes import effects, end_of, holder, outcomes, started
from tests.faults.stage import READY_WITHIN_S, Stage
from tests.waiting import eventually


@pytest.mark.parametrize("what", ["child", "main", "tree"])
def test_a_job_whose_process_is_killed_is_run_again_once(stage: Stage, admin: httpx.Client, what: str) -> None:
    job = started(stage, admin, {"sleep_s": 1.5})
    worker = holder(stage, job)
    if what == "child":
        signal_all([job["worker_pid"]], signal.SIGKILL)
    elif what == "main":
        worker.kill()
    else:
        worker.kill_tree()
    ended = end_of(admin, job["id"])
    assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
    assert outcomes(admin, job["id"]) == ["lost", "succeeded"]
    assert effects(stage, job["id"]) == 1


def test_a_job_outlives_its_keeper(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 4.0})
    worker = holder(stage, job)
    keeper = eventually(worker.keeper, what="a keeper")
    signal_all([keeper], signal.SIGKILL)
    ended = end_of(admin, job["id"])
    assert ended["state"] == "succeeded"
    assert effects(stage, job["id"]) == 1
    eventually(lambda: worker.keeper() not in {None, keeper}, timeout_s=READY_WITHIN_S, what="another keeper")


def test_a_stop_in_the_middle_of_a_job_gives_it_back(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 20.0, "steps": 200})
    worker = holder(stage, job)
    worker.stop()
    assert worker.wait_stopped() == 0
    worker.start()
    eventually(lambda: outcomes(admin, job["id"])[:2] == ["given_back", "running"], timeout_s=READY_WITHIN_S)
    admin.post(f"/jobs/{job['id']}/cancel")
    assert end_of(admin, job["id"])["attempt"] == 1


def test_a_stop_during_a_native_call_waits_for_it(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"native_s": 1.0})
    worker = holder(stage, job)
    worker.stop()
    assert worker.wait_stopped() == 0
    worker.start()
    ended = end_of(admin, job["id"])
    assert ended["state"] == "succeeded"
    assert effects(stage, job["id"]) == 1
