"""`/jobs/batch` and `/jobs/batches`: all or nothing, exact counts, one word when all is over."""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import redis

from tests.integration.api.problems import problem
from tests.platform import Platform, finished
from tests.waiting import eventually

BACKTEST = {"symbols": ["AAPL"], "strategy": {"kind": "buy_and_hold"}}
SCAN = {"job_type": "pattern_scan", "payload": {"symbols": ["AAPL"], "last_bars": 2}}
Batch = dict[str, Any]


def probe(**payload: Any) -> dict[str, Any]:
    return {"job_type": "probe", "payload": payload}


def submit_batch(client: httpx.Client, jobs: list[dict[str, Any]], **more: Any) -> Batch:
    answer = client.post("/jobs/batch", json={"jobs": jobs, **more})
    assert answer.status_code == 202, answer.text
    batch: Batch = answer.json()
    return batch


def batch_of(client: httpx.Client, batch_id: str, **parameters: Any) -> Batch:
    batch: Batch = client.get(f"/jobs/batches/{batch_id}", params=parameters).json()
    return batch


def ended(client: httpx.Client, batch_id: str) -> Batch:
    def look() -> Batch | None:
        batch = batch_of(client, batch_id, wait=10)
        return batch if batch["finished_at"] else None

    batch = eventually(look, timeout_s=60, what="the end of the batch")
    assert batch is not None
    return batch


def counts(batch: Batch) -> dict[str, int]:
    return {state: number for state, number in batch["counts"].items() if number}


def test_jobs_run_and_the_batch_ends_with_the_last(platform: Platform, admin: httpx.Client) -> None:
    batch = submit_batch(admin, [SCAN, probe(sleep_s=0.2), *[probe()] * 20], name="nightly")
    assert (batch["name"], batch["job_count"], batch["finished_at"]) == ("nightly", 22, None)
    assert sum(batch["counts"].values()) == 22
    done = ended(admin, batch["id"])
    assert counts(done) == {"succeeded": 22}
    assert done["jobs"] == batch["jobs"]
    types = [finished(admin, job_id)["job_type"] for job_id in batch["jobs"][:3]]
    assert types == ["pattern_scan", "probe", "probe"]
    last = platform.rows("SELECT max(finished_at) AS at FROM jobs WHERE batch_id = %s", batch["id"])[0]["at"]
    row = platform.rows("SELECT finished_at, job_count FROM job_batches WHERE id = %s", batch["id"])[0]
    assert row["finished_at"] >= last


def test_answer_says_where_the_batch_is(idle_user: httpx.Client) -> None:
    answer = idle_user.post("/jobs/batch", json={"jobs": [SCAN]})
    assert answer.headers["Location"] == f"/jobs/batches/{answer.json()['id']}"
    assert idle_user.get(answer.headers["Location"]).json() == answer.json()


def test_thousand_jobs_are_one_request_and_keep_their_order(idle_platform: Platform, idle_user: httpx.Client) -> None:
    jobs = [SCAN | {"priority": i % 10} for i in range(1_000)]
    batch = submit_batch(idle_user, jobs)
    rows = idle_platform.rows("SELECT id::text AS id, priority FROM jobs WHERE batch_id = %s", batch["id"])
    priorities = {row["id"]: row["priority"] for row in rows}
    assert [priorities[job_id] for job_id in batch["jobs"]] == [i % 10 for i in range(1_000)]
    assert counts(batch) == {"queued": 1_000}
    lanes = idle_platform.rows("SELECT max_running FROM job_lanes WHERE user_id = %s", batch["user_id"])
    assert lanes == [{"max_running": 2}]
    eventually(
        lambda: (
            idle_platform.rows(
                "SELECT count(*) AS n FROM job_outbox o JOIN jobs j ON j.id = o.job_id WHERE batch_id = %s", batch["id"]
            )
            == [{"n": 0}]
        ),
        what="all were told",
    )
    with redis.Redis.from_url(idle_platform.redis_url) as broker:
        assert 1 <= broker.llen("pattern_scan") <= 64


def test_one_bad_job_is_where_it_is_and_nothing_is_recorded(idle_platform: Platform, idle_user: httpx.Client) -> None:
    before = idle_platform.rows("SELECT count(*) AS n FROM jobs")
    jobs = [SCAN] * 17 + [{"job_type": "pattern_scan", "payload": {"symbols": []}}, SCAN]
    answer = idle_user.post("/jobs/batch", json={"jobs": jobs})
    problem(answer, 422)
    assert [error["path"] for error in answer.json()["errors"]] == ["jobs.17.payload.symbols"]
    assert idle_platform.rows("SELECT count(*) AS n FROM jobs") == before
    assert idle_user.get("/jobs/batches").json() == {"batches": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"jobs": []}, "jobs"),
        ({"jobs": [SCAN] * 1_001}, "jobs"),
        ({}, "jobs"),
        ({"jobs": [{"job_type": "nothing", "payload": {}}]}, "jobs.0"),
        ({"jobs": [SCAN | {"priority": 10}]}, "jobs.0.priority"),
        ({"jobs": [SCAN], "name": "x" * 201}, "name"),
        ({"jobs": [SCAN], "name": "a\0b"}, "name"),
        ({"jobs": [SCAN], "more": 1}, "more"),
    ],
)
def test_malformed_batch_is_refused(idle_user: httpx.Client, body: dict[str, Any], path: str) -> None:
    answer = idle_user.post("/jobs/batch", json=body)
    problem(answer, 422)
    assert answer.json()["errors"][0]["path"] == path


def test_type_that_the_role_may_not_start_refuses_all(idle_platform: Platform, idle_user: httpx.Client) -> None:
    before = idle_platform.rows("SELECT count(*) AS n FROM jobs")
    answer = idle_user.post("/jobs/batch", json={"jobs": [SCAN, SCAN, probe()]})
    problem(answer, 403)
    assert answer.json()["detail"].startswith("jobs.2: a probe needs the role admin")
    assert idle_platform.rows("SELECT count(*) AS n FROM jobs") == before


def test_body_may_be_larger_than_a_single_jobs(idle_user: httpx.Client) -> None:
    jobs = [{"job_type": "pattern_scan", "payload": {"symbols": ["AAPL"] * 150}} for _ in range(1_000)]
    body = json.dumps({"jobs": jobs})
    assert 1_000_000 < len(body) < 8_000_000
    assert idle_user.post("/jobs/batch", content=body).status_code == 202
    assert idle_user.post("/jobs", content=body).status_code == 413


def test_same_key_starts_one_batch_and_another_body_is_refused(idle_user: httpx.Client) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first = idle_user.post("/jobs/batch", json={"jobs": [SCAN, SCAN], "name": "a"}, headers=headers)
    again = idle_user.post("/jobs/batch", json={"jobs": [SCAN, SCAN], "name": "a"}, headers=headers)
    other = idle_user.post("/jobs/batch", json={"jobs": [SCAN], "name": "a"}, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    problem(other, 422)
    assert other.json()["code"] == "idempotency_key_reused"
    assert len(idle_user.get("/jobs").json()["jobs"]) == 2


def test_list_is_newest_first_and_its_cursor_leads_on(idle_user: httpx.Client) -> None:
    made = [submit_batch(idle_user, [SCAN] * (i + 1))["id"] for i in range(5)]
    seen: list[Batch] = []
    page = idle_user.get("/jobs/batches", params={"limit": 2})
    seen += page.json()["batches"]
    while "next" in page.links:
        page = idle_user.get(page.links["next"]["url"])
        seen += page.json()["batches"]
    assert [batch["id"] for batch in seen] == made[::-1]
    assert [counts(batch) for batch in seen] == [{"queued": n} for n in (5, 4, 3, 2, 1)]


def test_jobs_are_listed_by_batch(idle_user: httpx.Client) -> None:
    batch = submit_batch(idle_user, [SCAN] * 3)
    submit_batch(idle_user, [SCAN] * 2)
    jobs = idle_user.get("/jobs", params={"batch": batch["id"]}).json()["jobs"]
    assert {job["id"] for job in jobs} == set(batch["jobs"])
    assert {job["batch_id"] for job in jobs} == {batch["id"]}


def test_others_see_nothing_of_it_but_admins_may(idle_platform: Platform, idle_user: httpx.Client) -> None:
    batch = submit_batch(idle_user, [SCAN])
    path = f"/jobs/batches/{batch['id']}"
    with idle_platform.client() as other, idle_platform.client("admin") as admin:
        for client in (other, admin):
            assert client.get(path).status_code == 404
            assert client.post(f"{path}/cancel").status_code == 404
            assert client.get("/jobs", params={"batch": batch["id"]}).json()["jobs"] == []
        assert other.get(path, params={"all": "true"}).status_code == 403
        assert admin.get(path, params={"all": "true"}).json()["id"] == batch["id"]
        assert admin.post(f"{path}/cancel", params={"all": "true"}).json()["counts"]["cancelled"] == 1


def test_cancel_ends_what_waits_and_finishes_the_batch(idle_user: httpx.Client) -> None:
    later = {"run_at": "2100-01-01T00:00:00Z"}
    batch = submit_batch(idle_user, [SCAN] * 5 + [SCAN | later])
    assert counts(batch) == {"queued": 5, "scheduled": 1}
    cancelled = idle_user.post(f"/jobs/batches/{batch['id']}/cancel").json()
    assert counts(cancelled) == {"cancelled": 6}
    assert cancelled["finished_at"] is not None
    assert idle_user.post(f"/jobs/batches/{batch['id']}/cancel").json() == cancelled


def test_cancel_asks_what_runs_to_stop(admin: httpx.Client) -> None:
    batch = submit_batch(
        admin, [probe(sleep_s=60, steps=100), probe(children=[{"sleep_s": 60, "steps": 100}]), *[probe(sleep_s=60)] * 8]
    )
    eventually(lambda: batch_of(admin, batch["id"])["counts"]["running"] >= 1, what="the start")
    admin.post(f"/jobs/batches/{batch['id']}/cancel")
    assert counts(ended(admin, batch["id"])) == {"cancelled": 10}


def test_waiting_answers_as_soon_as_the_last_job_has_ended(admin: httpx.Client) -> None:
    batch = submit_batch(admin, [probe(sleep_s=1.0), probe()])
    asked = time.monotonic()
    answer = admin.get(f"/jobs/batches/{batch['id']}", headers={"Prefer": "wait=30"})
    assert answer.json()["finished_at"] is not None
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert time.monotonic() - asked < 20


def test_waiting_is_over_when_its_time_is(idle_user: httpx.Client) -> None:
    batch = submit_batch(idle_user, [SCAN])
    assert batch_of(idle_user, batch["id"], wait=0.1)["finished_at"] is None


def test_retry_by_hand_opens_the_batch_again(admin: httpx.Client) -> None:
    batch = submit_batch(admin, [probe(fail_attempts=1, fail_with="invalid"), probe()])
    first = ended(admin, batch["id"])
    assert counts(first) == {"succeeded": 1, "failed": 1}
    assert admin.post(f"/jobs/{batch['jobs'][0]}/retry").status_code == 200
    again = ended(admin, batch["id"])
    assert counts(again) == {"succeeded": 2}
    assert again["finished_at"] > first["finished_at"]


def test_parents_count_once_and_their_children_not(admin: httpx.Client) -> None:
    batch = submit_batch(admin, [probe(children=3), probe()])
    assert counts(ended(admin, batch["id"])) == {"succeeded": 2}


def test_end_is_told_once_on_job_updates_after_all_jobs(platform: Platform, admin: httpx.Client) -> None:
    batch = submit_batch(admin, [probe(sleep_s=0.05), *[probe()] * 10], name="b")
    done = ended(admin, batch["id"])
    user_id = done["user_id"]
    with redis.Redis.from_url(platform.redis_url) as broker:
        bodies = [f[b"body"].decode() for _, f in broker.xrange(f"aitrader:job_updates:{user_id}:history")]
    told = [json.loads(body.split("\n", 2)[2]) for body in bodies]
    batches = [one["batch"] for one in told if "batch" in one]
    assert [(b["id"], b["name"], b["counts"]["succeeded"], b["finished_at"]) for b in batches] == [
        (batch["id"], "b", 11, done["finished_at"])
    ]
    assert "user_id" not in batches[0]
    assert bodies[-1].startswith(f"batch:{batch['id']}\nfinal\n")
    states = Counter(one["state"] for one in told if "state" in one)
    assert states["succeeded"] == 11
    eventually(
        lambda: (
            platform.rows("SELECT announced_at IS NOT NULL AS is_told FROM job_batches WHERE id = %s", batch["id"])
            == [{"is_told": True}]
        ),
        what="the note that it was told",
    )


@pytest.mark.parametrize("path", ["/jobs/batches/{batch}/cancel", "/jobs/{job}/cancel"])
def test_job_that_fans_out_while_it_is_cancelled_is_cancelled(
    idle_platform: Platform, idle_user: httpx.Client, path: str
) -> None:
    batch = submit_batch(idle_user, [SCAN])
    (job_id,) = batch["jobs"]
    running = "state = 'running', lease_token = gen_random_uuid()"
    idle_platform.rows(f"UPDATE jobs SET {running} WHERE id = %s", job_id)
    fan_out = "state = 'waiting', lease_token = NULL, fan_out = jsonb_build_object('token', gen_random_uuid())"
    with ThreadPoolExecutor(1) as pool, psycopg.connect(idle_platform.database_url) as connection:
        connection.execute(f"UPDATE jobs SET {fan_out} WHERE id = %s", [job_id])
        answer = pool.submit(idle_user.post, path.format(batch=batch["id"], job=job_id))
        eventually(
            lambda: idle_platform.rows(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ),
            what="the cancel to wait",
        )
        connection.commit()
        assert answer.result(20).status_code == 200
    assert idle_user.get(f"/jobs/{job_id}").json()["state"] == "cancelled"
    assert batch_of(idle_user, batch["id"])["finished_at"] is not None


def test_jobs_that_an_earlier_result_answers_are_born_ended(user: httpx.Client) -> None:
    known = {"job_type": "pattern_scan", "payload": {"symbols": ["AAPL", "IBM"], "end": "2013-02-28"}}
    split = {**known, "payload": {**known["payload"], "parallel": 2}}
    first = ended(user, submit_batch(user, [known])["id"])
    again = submit_batch(user, [known, split])
    assert (counts(again), again["finished_at"] is not None) == ({"succeeded": 2}, True)
    jobs = [user.get(f"/jobs/{job_id}").json() for job_id in again["jobs"]]
    assert {job["reused_from"] for job in jobs} == set(first["jobs"])
    mixed = submit_batch(user, [known, SCAN])
    assert mixed["finished_at"] is None
    assert counts(ended(user, mixed["id"])) == {"succeeded": 2}
