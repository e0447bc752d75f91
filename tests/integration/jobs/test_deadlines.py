"""Deadlines: a job that waits too long is failed, one that runs too long is ended, and neither says "time limit"."""

import os
import signal
from datetime import UTC, datetime, timedelta

import httpx
import psutil

from tests.integration.api.problems import problem
from tests.integration.jobs.test_relay import Bench, bench  # noqa: F401 - a fixture
from tests.platform import Platform, finished, submit
from tests.waiting import eventually
from workers.relay_duties.deadlines import fail_expired_jobs


def test_a_running_job_is_ended_at_its_deadline_by_its_handlers_next_check(platform: Platform) -> None:
    with platform.client("admin") as client:
        job = submit(client, "probe", {"sleep_s": 60, "steps": 100}, expires_in_s=1.5)
        ended = finished(client, job["id"])
        (attempt,) = client.get(f"/jobs/{job['id']}/attempts").json()["attempts"]
    assert (ended["state"], ended["error"]["code"]) == ("failed", "deadline_exceeded")
    assert (attempt["outcome"], attempt["error"]["code"]) == ("failed", "deadline_exceeded")
    late_s = (parsed(ended["finished_at"]) - parsed(ended["deadline_at"])).total_seconds()
    assert 0 <= late_s < 5
    assert platform.rows("SELECT * FROM probe_effects WHERE job_id = %s", job["id"]) == []


def test_a_running_job_that_cannot_check_is_ended_with_its_process(platform: Platform) -> None:
    with platform.client("admin") as client:
        job = submit(client, "probe", {"sleep_s": 60, "steps": 100}, expires_in_s=2)
        running = "SELECT worker_pid FROM jobs WHERE id = %s AND state = 'running'"
        (row,) = eventually(lambda: platform.rows(running, job["id"]), what="the start")
        os.kill(row["worker_pid"], signal.SIGSTOP)  # as deaf as one long native call
        ended = finished(client, job["id"])
        (attempt,) = client.get(f"/jobs/{job['id']}/attempts").json()["attempts"]
        assert finished(client, submit(client, "probe", {})["id"])["state"] == "succeeded", "the slot is free again"
    assert (ended["state"], ended["error"]["code"]) == ("failed", "deadline_exceeded")
    assert (attempt["outcome"], attempt["error"]["code"]) == ("timed_out", "deadline_exceeded")
    eventually(lambda: not psutil.pid_exists(row["worker_pid"]), what="the process to be gone")


def test_a_job_that_waits_is_failed_at_its_deadline_and_never_runs(platform: Platform) -> None:
    with platform.client("admin") as admin, platform.client() as client:
        admin.post("/queues/pattern_scan/pause").raise_for_status()
        try:
            job = submit(client, "pattern_scan", {"symbols": ["AAPL"], "last_bars": 5}, expires_in_s=1)
            ended = finished(client, job["id"])
        finally:
            admin.post("/queues/pattern_scan/resume").raise_for_status()
    assert (ended["state"], ended["error"]["code"], ended["started_at"]) == ("failed", "deadline_exceeded", None)
    assert parsed(ended["finished_at"]) >= parsed(ended["deadline_at"])


def test_a_failed_deadline_can_be_tried_again_without_it(platform: Platform) -> None:
    with platform.client("admin") as client:
        job = submit(client, "probe", {"sleep_s": 2}, expires_in_s=0.3)
        assert finished(client, job["id"])["state"] == "failed"
        again = client.post(f"/jobs/{job['id']}/retry").json()
        assert again["deadline_at"] is None
        assert finished(client, job["id"])["state"] == "succeeded"


def test_a_scheduled_job_whose_deadline_has_passed_is_failed(bench: Bench) -> None:  # noqa: F811
    job, other = bench.job(bench.user()), bench.job(bench.user())
    bench.run(
        "UPDATE jobs SET state = 'scheduled', run_at = now() + interval '1 h', deadline_at = now() - interval '1 s' "
        "WHERE id = :id",
        id=job,
    )
    fail_expired_jobs(bench.engine, bench.relay._herald)
    row = bench.row(job)
    assert (row["state"], row["error"]["code"], row["version"]) == ("failed", "deadline_exceeded", 2)
    assert bench.row(other)["state"] == "queued"
    assert bench.platform.rows("SELECT * FROM job_outbox WHERE job_id = %s", job) == []
    assert bench.broker.xlen(f"aitrader:job_updates:{row['user_id']}:history") == 1


def test_many_expired_jobs_are_failed_in_one_round(bench: Bench) -> None:  # noqa: F811
    first = bench.job(bench.user())
    columns = "job_type, queue, user_id, state, max_attempts, request_hash, payload"
    bench.run(
        f"INSERT INTO jobs (id, deadline_at, {columns}) SELECT gen_random_uuid(), now(), {columns} "
        "FROM jobs, generate_series(1, 1200) WHERE id = :id",
        id=first,
    )
    fail_expired_jobs(bench.engine, bench.relay._herald)
    counts = bench.platform.rows("SELECT state, count(*) AS n FROM jobs GROUP BY 1 ORDER BY 1")
    assert counts == [{"state": "failed", "n": 1200}, {"state": "queued", "n": 1}]


def test_an_expired_job_is_not_claimed_and_does_not_stand_in_the_way(bench: Bench) -> None:  # noqa: F811
    user, other = bench.user(), bench.user()
    expired = bench.job(user, priority=0)
    alive, others = bench.job(user), bench.job(other)
    bench.run("UPDATE jobs SET deadline_at = now() - interval '1 s' WHERE id = :id", id=expired)
    claimed = {lease.job.id for lease in (bench.claim(), bench.claim()) if lease is not None}
    assert claimed == {alive, others}
    assert bench.claim() is None


def test_a_claim_ends_by_the_deadline_or_by_the_hard_limit_whichever_is_first(bench: Bench) -> None:  # noqa: F811
    for expires_in_s, expected in [(30.0, True), (3_600.0, False)]:
        job = bench.job(bench.user(), expires_in_s=expires_in_s)
        assert bench.claim(hard_limit_s=60.0) is not None
        row = bench.row(job)
        assert (row["attempt_ends_by"] == row["deadline_at"]) is expected


def test_a_lease_at_the_end_of_its_attempts_time_is_left_to_the_keeper_for_a_while(bench: Bench) -> None:  # noqa: F811
    job = bench.job(bench.user())
    assert bench.claim(lease_s=-1) is not None
    bench.run("UPDATE jobs SET attempt_ends_by = now() - interval '1 s' WHERE id = :id", id=job)
    bench.relay.take_back_leases()
    assert bench.row(job)["state"] == "running"
    bench.run("UPDATE jobs SET attempt_ends_by = now() - interval '9 s' WHERE id = :id", id=job)
    bench.relay.take_back_leases()
    assert bench.row(job)["state"] == "failed"


def test_a_deadline_that_leaves_no_time_is_refused_and_leaves_nothing(idle_user: httpx.Client) -> None:
    scan = {"job_type": "pattern_scan", "payload": {"symbols": ["AAPL"], "last_bars": 5}}
    now = datetime.now(UTC)
    later, past = (now + timedelta(hours=1)).isoformat(), (now - timedelta(seconds=1)).isoformat()
    for options, path in [
        ({"deadline_at": past}, "deadline_at"),
        ({"expires_in_s": 60, "run_at": later}, "expires_in_s"),
        ({"deadline_at": later, "run_at": later}, ""),
        ({"deadline_at": later, "expires_in_s": 60}, ""),
        ({"deadline_at": "2030-01-01T00:00:00"}, "deadline_at"),
        ({"expires_in_s": 0}, "expires_in_s"),
    ]:
        document = problem(idle_user.post("/jobs", json=scan | options), 422, "invalid_request")
        assert [found["path"] for found in document["errors"]] == [path], options
    assert idle_user.get("/jobs").json()["jobs"] == []


def test_a_submit_sent_again_after_its_deadline_answers_with_the_first_job(idle_user: httpx.Client) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    body = {
        "job_type": "pattern_scan",
        "payload": {"symbols": ["AAPL"], "last_bars": 5},
        "deadline_at": soon,
    }
    first = idle_user.post("/jobs", json=body, headers={"Idempotency-Key": "once"})
    assert first.status_code == 202
    while datetime.now(UTC).isoformat() <= soon:
        idle_user.get("/jobs")
    problem(idle_user.post("/jobs", json=body), 422)
    again = idle_user.post("/jobs", json=body, headers={"Idempotency-Key": "once"})
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])


def parsed(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
