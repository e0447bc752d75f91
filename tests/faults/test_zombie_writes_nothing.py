"""A worker that was frozen for longer than its lease comes back, and finds that its word counts no more."""

import signal

import httpx

from tests.faults.actors import signal_all
from tests.faults.scenes import effects, end_of, holder, outcomes, started
from tests.faults.stage import LEASE_S, READY_WITHIN_S, Stage
from tests.platform import submit
from tests.waiting import eventually


def test_a_frozen_workers_job_is_done_once_by_another(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 2.0, "steps": 8})
    zombie = holder(stage, job)
    pids = zombie.freeze_tree()
    began = stage.now()
    ended = end_of(admin, job["id"])
    eventually(lambda: (stage.now() - began).total_seconds() > 2 * LEASE_S, what="twice the lease")
    signal_all(pids, signal.SIGCONT)
    again = stage.count("SELECT max(n) FROM fault_ledger WHERE job_id = %s", job["id"])
    # It works again, so it has had its say on the old job before.
    eventually(lambda: worked_since(stage, admin, job["worker_pid"]), timeout_s=READY_WITHIN_S, what="a new job")
    assert (ended["state"], ended["attempt"], ended["result"]["attempt"]) == ("succeeded", 2, 2)
    assert outcomes(admin, job["id"]) == ["lost", "succeeded"]
    assert effects(stage, job["id"]) == 1
    assert stage.count("SELECT max(n) FROM fault_ledger WHERE job_id = %s", job["id"]) == again


def worked_since(stage: Stage, admin: httpx.Client, pid: int) -> bool:
    """Give all processes something to do, and tell whether the one that was frozen did some of it."""
    for job in [submit(admin, "probe", {"sleep_s": 0.5}) for _ in range(8)]:
        end_of(admin, job["id"])
    return stage.count("SELECT count(*) FROM job_attempts WHERE worker_pid = %s AND outcome <> 'lost'", pid) > 0


def test_a_zombie_that_never_looks_cannot_end_the_job_that_another_runs(stage: Stage, admin: httpx.Client) -> None:
    job = started(stage, admin, {"sleep_s": 2 * LEASE_S, "ignore_cancel": True})
    pids = holder(stage, job).freeze_tree()

    def is_run_by_another() -> bool:
        rows = stage.rows(
            "SELECT clock_timestamp() - %s > %s * interval '1 s' AS is_late FROM jobs "
            "WHERE id = %s AND state = 'running' AND attempt = 2",
            job["started_at"],
            2 * LEASE_S,
            job["id"],
        )
        return bool(rows and rows[0]["is_late"])

    eventually(is_run_by_another, timeout_s=READY_WITHIN_S, what="the second attempt, when the first is over")
    signal_all(pids, signal.SIGCONT)  # its sleep is over, so it goes straight on to write its success
    ended = end_of(admin, job["id"])
    assert (ended["state"], ended["attempt"], ended["result"]["attempt"]) == ("succeeded", 2, 2)
    assert outcomes(admin, job["id"]) == ["lost", "succeeded"]
    assert effects(stage, job["id"]) == 1
    tokens = stage.rows(
        "SELECT lease_token::text AS t FROM job_attempts WHERE job_id = %s ORDER BY ended_at", job["id"]
    )
    assert tokens[0]["t"] == job["token"] != tokens[1]["t"]
