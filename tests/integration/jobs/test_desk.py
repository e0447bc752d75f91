"""The desk: which jobs go together, what a finish writes, and what it claims with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.db.sessions import sync_engine
from backend.core.jobs.outcomes import Outcome, Row
from backend.core.jobs.probe import ProbeResult
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.submission import JobOptions, submission
from backend.core.user import User
from backend.services.accounts import create_token, find_user
from backend.settings import Settings
from tests.platform import Platform
from workers.desk import Claim, Desk, Success, Wish

PROBE = JOB_TYPES["probe"]
WISH = Wish(PROBE, at_once=16)
SHORT: dict[str, Any] = {}
LONG = {"sleep_s": 1.0}


@dataclass
class Scene:
    platform: Platform
    engine: Engine
    desk: Desk
    user: User

    def add(self, *payloads: dict[str, Any], max_running: int | None = None, user: User | None = None) -> list[UUID]:
        """Add jobs that a claim takes in this order."""
        wanted = [submission("probe", payload, JobOptions(priority=n)) for n, payload in enumerate(payloads)]
        new = [NewJob(one.new_row(user or self.user, None), max_running) for one in wanted]
        with self.engine.begin() as connection:
            connection.execute(insert_jobs(new))
        return [one.values["id"] for one in new]

    def row(self, job_id: UUID) -> dict[str, Any]:
        return self.platform.rows("SELECT * FROM jobs WHERE id = %s", job_id)[0]

    def running(self) -> int:
        return self.platform.rows("SELECT COALESCE(sum(running), 0)::int AS n FROM job_lanes")[0]["n"]


@pytest.fixture
def scene(scratch_platform: Platform) -> Iterator[Scene]:
    settings = Settings(
        database_url=scratch_platform.database_url,
        redis_url=scratch_platform.redis_url,
        AITRADER_DATA_DIR=scratch_platform.data_dir,
    )
    engine = sync_engine(settings.database)
    create_token(engine, user_name="alice", role="admin")
    with engine.begin() as connection:
        user = find_user(connection, "alice")
    desk = Desk(settings, worker_id="w")
    yield Scene(scratch_platform, engine, desk, user)
    desk.close()
    engine.dispose()


def ids(claims: Sequence[Claim]) -> list[UUID]:
    return [claim.lease.job.id for claim in claims]


def done(claim: Claim, *rows: Row) -> Success:
    result = ProbeResult(attempt=1, slept_s=0.0)
    return Success(claim.lease, Outcome(result, rows=rows), result.model_dump_json())


def test_short_jobs_are_claimed_together_up_to_the_first_that_is_not(scene: Scene) -> None:
    jobs = scene.add(SHORT, SHORT, LONG, SHORT)
    assert ids(scene.desk.claim(WISH)) == jobs[:2]
    assert ids(scene.desk.claim(WISH)) == jobs[2:3]
    assert ids(scene.desk.claim(WISH)) == jobs[3:]
    assert ids(scene.desk.claim(WISH)) == []
    assert scene.running() == 4


def test_a_claim_takes_so_many_and_no_more(scene: Scene) -> None:
    scene.add(*[SHORT] * (WISH.at_once // 2), SHORT)
    scene.add(*[SHORT] * (WISH.at_once // 2))
    assert len(scene.desk.claim(WISH)) == WISH.at_once


def test_a_users_limit_bounds_what_is_claimed_together(scene: Scene) -> None:
    jobs = scene.add(*[SHORT] * 5, max_running=2)
    first = scene.desk.claim(WISH)
    assert ids(first) == jobs[:2]
    assert scene.desk.claim(WISH) == ()
    finished = scene.desk.finish([done(first[0])], WISH)
    assert finished.rings
    assert ids(finished.next_claims) == jobs[2:3]


def test_a_queue_that_is_paused_gives_nothing(scene: Scene) -> None:
    scene.add(SHORT)
    with scene.engine.begin() as connection:
        connection.execute(text("INSERT INTO queue_controls (queue, is_paused) VALUES ('probe', true)"))
    assert scene.desk.claim(WISH) == ()


def test_a_job_whose_deadline_has_passed_is_not_claimed_and_holds_up_nobody(scene: Scene) -> None:
    late, good = scene.add(SHORT, SHORT)
    with scene.engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET deadline_at = now() - interval '1 s' WHERE id = :id"), {"id": late})
    assert ids(scene.desk.claim(WISH)) == [good]


def test_a_finish_writes_results_effects_and_attempts_and_claims_what_comes_next(scene: Scene) -> None:
    jobs = scene.add(SHORT, SHORT, LONG)
    claims = scene.desk.claim(WISH)
    finished = scene.desk.finish([done(claim, Row("probe_effects", {"attempt": 1})) for claim in claims], WISH)
    assert set(finished.rows) == set(jobs[:2])
    assert ids(finished.next_claims) == jobs[2:]
    rows = [scene.row(job) for job in jobs]
    assert [row["state"] for row in rows] == ["succeeded", "succeeded", "running"]
    assert rows[0]["result"]["attempt"] == 1
    assert [row["version"] for row in rows[:2]] == [finished.rows[job]["version"] for job in jobs[:2]]
    assert len(scene.platform.rows("SELECT * FROM probe_effects")) == 2
    assert len(scene.platform.rows("SELECT * FROM job_attempts WHERE outcome = 'succeeded'")) == 2
    assert scene.running() == 1


def test_what_was_fenced_out_is_missing_in_the_answer_and_writes_nothing(scene: Scene) -> None:
    taken, cancelled, good = scene.add(SHORT, SHORT, SHORT)
    claims = scene.desk.claim(WISH)
    with scene.engine.begin() as connection:
        connection.execute(text("UPDATE jobs SET lease_token = gen_random_uuid() WHERE id = :id"), {"id": taken})
        connection.execute(text("UPDATE jobs SET cancel_requested_at = now() WHERE id = :id"), {"id": cancelled})
    finished = scene.desk.finish([done(claim, Row("probe_effects", {"attempt": 1})) for claim in claims], None)
    assert set(finished.rows) == {good}
    assert [row["job_id"] for row in scene.platform.rows("SELECT job_id FROM probe_effects")] == [good]
    assert [scene.row(job)["state"] for job in (taken, cancelled)] == ["running", "running"]


def test_an_effect_that_is_refused_takes_the_whole_transaction_back(scene: Scene) -> None:
    jobs = scene.add(SHORT, SHORT)
    claims = scene.desk.claim(WISH)
    bad = done(claims[1], Row("probe_effects", {"attempt": None}))
    with pytest.raises(IntegrityError):
        scene.desk.finish([done(claims[0]), bad], None)
    assert [scene.row(job)["state"] for job in jobs] == ["running", "running"]
    assert set(scene.desk.finish([done(claims[0])], None).rows) == {jobs[0]}


def test_after_a_lost_answer_the_desk_finds_what_it_had_claimed(scene: Scene) -> None:
    jobs = scene.add(SHORT, LONG)
    claims = scene.desk.claim(WISH)
    lost = scene.desk.finish([done(claims[0])], WISH)
    again = scene.desk.finish([done(claims[0])], WISH, is_again=True)
    assert again.rows == {}
    assert ids(again.next_claims) == ids(lost.next_claims) == jobs[1:]
    assert again.next_claims[0].lease.token == lost.next_claims[0].lease.token


def test_a_connection_that_the_server_ended_is_made_anew_before_anything_is_claimed(scene: Scene) -> None:
    jobs = scene.add(SHORT, LONG)
    assert ids(scene.desk.claim(WISH)) == jobs[:1]
    with scene.engine.connect() as connection:
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        connection.execute(text(f"{ended} AND datname = current_database()"))
    assert ids(scene.desk.claim(WISH)) == jobs[1:]
