"""What is counted of jobs: each end once, whatever commits when; and cheap, however many there are."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from backend.core.db import statements
from backend.core.db.job_metrics import READ
from backend.core.db.sessions import sync_engine
from backend.core.ids import new_id
from backend.core.jobs.submission import submission
from backend.core.user import User
from backend.services.accounts import create_token, find_user
from backend.services.metrics import Counts
from tests.platform import Platform
from workers.relay_duties.metrics import Census

END = "UPDATE jobs SET state = :state, finished_at = clock_timestamp() WHERE id = :id"


class Bench:
    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.engine: Engine = sync_engine(platform.database_url, pool_size=8)
        self.census = Census(self.engine)
        name = f"u{new_id().hex[-8:]}"
        create_token(self.engine, user_name=name, role="admin")
        with self.engine.begin() as connection:
            self.user: User = find_user(connection, name)

    def job(self) -> UUID:
        with self.engine.begin() as connection:
            row = submission("probe", {}).new_row(self.user, None)
            return connection.execute(statements.insert_job(row)).mappings().one()["id"]

    def end(self, connection: Connection, job_id: UUID, state: str = "succeeded") -> None:
        connection.execute(text(END), {"id": job_id, "state": state})

    def counts(self) -> Counts:
        self.census.count()
        with self.engine.connect() as connection:
            return Counts.of(connection.execute(READ).mappings())

    def ended(self, state: str = "succeeded") -> int:
        return self.counts().count("ended", "probe", state)


@pytest.fixture
def bench(scratch_platform: Platform) -> Iterator[Bench]:
    bench = Bench(scratch_platform)
    yield bench
    bench.engine.dispose()


def test_each_end_is_counted_once_by_type_and_state(bench: Bench) -> None:
    for state in ("succeeded", "failed", "succeeded", "cancelled"):
        with bench.engine.begin() as connection:
            bench.end(connection, bench.job(), state)
    for _ in range(3):
        assert [bench.ended(state) for state in ("succeeded", "failed", "cancelled")] == [2, 1, 1]


def test_end_that_commits_long_after_it_was_written_is_counted_when_it_commits(bench: Bench) -> None:
    early, late = bench.job(), bench.job()
    with bench.engine.begin() as slow:
        bench.end(slow, late)
        with bench.engine.begin() as quick:
            bench.end(quick, early)
        assert bench.ended() == 1
    assert bench.ended() == 2
    assert bench.ended() == 2


def test_end_that_is_rolled_back_is_not_counted(bench: Bench) -> None:
    with bench.engine.connect() as connection:
        bench.end(connection, bench.job())
        connection.rollback()
    assert bench.ended() == 0


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["begin", "commit", "roll back", "count"]), max_size=14))
def test_counts_are_exact_in_whatever_order_things_commit(bench: Bench, steps: list[str]) -> None:
    before, committed = bench.ended(), 0
    waiting: list[Connection] = []
    for step in steps:
        if step == "begin" and len(waiting) < 5:
            connection = bench.engine.connect()
            bench.end(connection, bench.job())
            waiting.append(connection)
        elif step in {"commit", "roll back"} and waiting:
            connection = waiting.pop(0)
            if step == "commit":
                connection.commit()
                committed += 1
            else:
                connection.rollback()
            connection.close()
        elif step == "count":
            assert bench.ended() - before == committed
    for connection in waiting:
        connection.rollback()
        connection.close()
    assert bench.ended() - before == committed


def test_two_relays_that_both_think_they_are_active_count_once(bench: Bench) -> None:
    with bench.engine.begin() as connection:
        bench.end(connection, bench.job())
    other = Census(bench.engine)
    other.count()
    assert bench.ended() == 1


def test_database_that_was_restored_elsewhere_goes_on_counting(bench: Bench) -> None:
    with bench.engine.begin() as connection:
        bench.end(connection, bench.job())
    assert bench.ended() == 1
    bench.platform.rows("UPDATE job_metrics_cursor SET snapshot = '9000000000:9000000000:'")
    assert bench.ended() == 1
    with bench.engine.begin() as connection:
        bench.end(connection, bench.job())
    assert bench.ended() == 2


def test_durations_and_waits_fall_into_their_buckets(bench: Bench) -> None:
    job = bench.job()
    bench.platform.rows(
        "UPDATE jobs SET state = 'succeeded', created_at = now() - interval '10 s', run_at = now() - interval '10 s',"
        " started_at = now() - interval '3 s', finished_at = now() WHERE id = %s",
        job,
    )
    counts = bench.counts()
    buckets = {metric: set(counts.by_metric[metric]) for metric in ("duration", "wait")}
    assert buckets == {"duration": {("probe", "9")}, "wait": {("probe", "10")}}  # up to 5 s, up to 10 s
    assert counts.total("duration", "probe") == pytest.approx(3.0, abs=0.1)
    assert counts.total("wait", "probe") == pytest.approx(7.0, abs=0.1)


def test_gauges_tell_what_has_not_ended_and_how_long_the_oldest_waits(bench: Bench) -> None:
    jobs = [bench.job() for _ in range(3)]
    bench.platform.rows("UPDATE jobs SET run_at = now() - interval '100 s' WHERE id = %s", jobs[0])
    bench.census.refresh_gauges()
    counts = bench.counts()
    assert counts.count("state", "probe", "queued") == counts.count("queue", "", "probe") == 3
    assert 100 <= counts.age_s("queue", "", "probe") < 160
    for job in jobs:
        with bench.engine.begin() as connection:
            bench.end(connection, job)
    bench.census._gauges_at = 0.0
    bench.census.refresh_gauges()
    assert bench.counts().count("queue", "", "probe") == 0


def test_counting_reads_no_more_than_what_is_new(bench: Bench) -> None:
    bench.platform.rows(
        "INSERT INTO jobs (id, job_type, queue, user_id, state, max_attempts, request_hash, payload, finished_at)"
        " SELECT gen_random_uuid(), 'probe', 'probe', %s, 'succeeded', 3, '', '{}', now() - interval '1 day'"
        " FROM generate_series(1, 20000)",
        bench.user.id,
    )
    assert bench.ended() == 20_000
    bench.platform.rows("VACUUM ANALYZE jobs")
    with bench.engine.begin() as connection:
        bench.end(connection, bench.job())
    plan = bench.platform.rows(
        "EXPLAIN (ANALYZE, FORMAT JSON) SELECT 1 FROM jobs j, (SELECT floor_at FROM job_metrics_cursor) c"
        " WHERE j.finished_at IS NOT NULL AND j.finished_at >= c.floor_at"
    )
    assert "jobs_prune" in str(plan)
