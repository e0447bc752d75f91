"""Lanes come and go: opened by whoever needs one, deleted when idle, and never missed by a queued job."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from backend.core.db import lanes, statements
from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.db.sessions import sync_engine
from backend.core.jobs.submission import submission
from backend.core.user import User
from backend.settings import JobSettings
from tests.integration.jobs.test_relay import Bench, bench  # noqa: F401 - a fixture
from tests.waiting import eventually
from workers.relay_duties.lanes import delete_idle_lanes, follow_caps, open_missing_lanes

ROUNDS = 200
SUBMITTERS = 2
PATIENCE_S = 60
WITHOUT_LANE = """
SELECT j.id FROM jobs j WHERE j.state = 'queued' AND NOT EXISTS (
  SELECT 1 FROM job_lanes l WHERE l.queue = j.queue AND l.user_id = j.user_id)
"""

Way = Callable[[Connection, User], None]


def one_by_one(connection: Connection, user: User) -> None:
    connection.execute(statements.insert_job(submission("probe", {}).new_row(user, None)))
    connection.execute(statements.open_lane("probe", user.id, None))


def together(connection: Connection, user: User) -> None:
    connection.execute(insert_jobs([NewJob(submission("probe", {}).new_row(user, None)) for _ in range(2)]))


def tried_again(connection: Connection, user: User) -> None:
    """Retry one of the user's cancelled jobs, of which each round leaves some; the first round has none."""
    found = connection.execute(
        text("SELECT id FROM jobs WHERE user_id = :user AND state = 'cancelled' LIMIT 1 FOR UPDATE SKIP LOCKED"),
        {"user": user.id},
    ).scalar_one_or_none()
    if found is None:
        one_by_one(connection, user)
        return
    connection.execute(statements.retry_by_hand(found))
    connection.execute(lanes.open_lanes_of([found], JobSettings()))


@pytest.mark.parametrize("way", [one_by_one, together, tried_again])
def test_no_job_is_left_without_a_lane_however_submits_and_deletions_meet(bench: Bench, way: Way) -> None:  # noqa: F811
    """In each round some need a lane at the moment when it is idle, while somebody deletes idle ones."""
    user = idle_user(bench)
    seeded = random.Random(4)
    engine = sync_engine(bench.settings.database, pool_size=SUBMITTERS + 2)
    start = Barrier(SUBMITTERS + 2)
    deleted: list[int] = []

    def delete() -> None:
        deleted.append(delete_idle_lanes(engine, idle_s=0.0))

    def submit() -> None:
        with engine.begin() as connection:
            way(connection, user)
            connection.execute(text("SELECT pg_sleep(:s)"), {"s": seeded.choice([0, 0.002])})  # some commit late

    def repeat(act: Callable[[], None]) -> None:
        for _ in range(ROUNDS):
            start.wait(PATIENCE_S)
            act()
            start.wait(PATIENCE_S)

    with ThreadPoolExecutor(SUBMITTERS + 1) as pool:
        tasks = [pool.submit(repeat, act) for act in [delete, *[submit] * SUBMITTERS]]
        try:
            for _ in range(ROUNDS):
                start.wait(PATIENCE_S)
                start.wait(PATIENCE_S)
                assert bench.platform.rows(WITHOUT_LANE) == [], "a queued job has no lane"
                bench.run("UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE state = 'queued'")
        finally:
            start.abort()
    engine.dispose()
    assert sum(deleted) > ROUNDS / 20, "hardly any lane was deleted: the rounds proved nothing"
    assert sum(deleted) < ROUNDS, "every lane was deleted first: the same"
    assert [task.exception() for task in tasks] == [None] * len(tasks)


def test_a_lane_that_a_submit_relies_on_is_not_deleted_before_its_commit(bench: Bench) -> None:  # noqa: F811
    user = idle_user(bench)
    with bench.engine.begin() as submit:
        one_by_one(submit, user)
        assert delete_idle_lanes(bench.engine, idle_s=0.0) == 0
    assert lane_count(bench) == 1


def test_a_submit_waits_for_a_deletion_and_opens_the_lane_anew(bench: Bench) -> None:  # noqa: F811
    user = idle_user(bench)
    these = {"queues": ["probe"], "user_ids": [user.id]}
    engine = sync_engine(bench.settings.database)

    def submit() -> None:
        with engine.begin() as connection:
            one_by_one(connection, user)

    with ThreadPoolExecutor(1) as pool:
        with bench.engine.begin() as relay:
            assert relay.execute(lanes.LOCK_LANES, these).all()
            submitting = pool.submit(submit)
            eventually(lambda: bench.platform.rows("SELECT 1 FROM pg_locks WHERE NOT granted"), what="a submit to wait")
            assert relay.execute(lanes.DELETE_IDLE_LANES, {**these, "idle_s": 0.0}).rowcount == 1
        submitting.result(10)
    engine.dispose()
    assert lane_count(bench) == 1
    assert bench.claim() is not None


@pytest.mark.parametrize("state", ["queued", "scheduled", "running"])
def test_a_lane_with_unfinished_jobs_stays(bench: Bench, state: str) -> None:  # noqa: F811
    job = bench.job(bench.user())
    if state == "running":
        assert bench.claim() is not None
        bench.run("UPDATE job_lanes SET running = 0, last_claimed_at = 'epoch'")  # as if it had been miscounted
    else:
        bench.run("UPDATE jobs SET state = :state WHERE id = :id", state=state, id=job)
    assert delete_idle_lanes(bench.engine, idle_s=0.0) == 0


def test_a_lane_stays_for_a_while_after_its_last_claim(bench: Bench) -> None:  # noqa: F811
    job = bench.job(bench.user())
    assert bench.claim() is not None
    bench.run("UPDATE job_lanes SET running = 0")
    bench.run("DELETE FROM jobs WHERE id = :id", id=job)
    assert delete_idle_lanes(bench.engine, idle_s=60.0) == 0
    assert delete_idle_lanes(bench.engine, idle_s=0.0) == 1


def test_many_idle_lanes_are_deleted_in_one_go(bench: Bench) -> None:  # noqa: F811
    bench.run(
        "WITH new AS (INSERT INTO users (id, name, role) "
        "SELECT gen_random_uuid(), 'u' || n, 'free' FROM generate_series(1, 1200) n RETURNING id) "
        "INSERT INTO job_lanes (queue, user_id) SELECT 'probe', id FROM new"
    )
    assert delete_idle_lanes(bench.engine) == 1200


def test_a_lane_that_is_missing_all_the_same_is_opened_with_its_users_cap(bench: Bench) -> None:  # noqa: F811
    user = bench.user("premium")
    with bench.engine.begin() as connection:
        row = submission("pattern_scan", {"symbols": ["AAPL"], "last_bars": 5}).new_row(user, None)
        connection.execute(statements.insert_job(row))
    open_missing_lanes(bench.engine, JobSettings(premium_max_running=5))
    open_missing_lanes(bench.engine, JobSettings(premium_max_running=5))
    found = bench.platform.rows("SELECT queue, user_id, max_running FROM job_lanes")
    assert found == [{"queue": "pattern_scan", "user_id": user.id, "max_running": 5}]


def test_lanes_follow_the_role_and_the_setting(bench: Bench) -> None:  # noqa: F811
    user = bench.user()
    bench.job(user)
    seen = []
    for role, limits in [
        ("admin", JobSettings()),
        ("free", JobSettings()),
        ("free", JobSettings(free_max_running=3)),
        ("premium", JobSettings()),
    ]:
        bench.run("UPDATE users SET role = :role WHERE id = :id", role=role, id=user.id)
        follow_caps(bench.engine, limits)
        seen.append(bench.platform.rows("SELECT max_running FROM job_lanes")[0]["max_running"])
    assert seen == [None, 2, 3, 8]


def idle_user(bench: Bench) -> User:  # noqa: F811
    """Return a user whose lane has nothing in it."""
    user = bench.user()
    cancelled: UUID = bench.job(user)
    bench.run("UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE id = :id", id=cancelled)
    return user


def lane_count(bench: Bench) -> int:  # noqa: F811
    return len(bench.platform.rows("SELECT 1 FROM job_lanes"))
