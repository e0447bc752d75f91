"""Each duty of the relay, on a real database and Redis, without any other process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import pytest
import redis
from sqlalchemy import Engine, text

from backend.core.artifacts import ArtifactStore
from backend.core.db import claims, statements
from backend.core.db.sessions import sync_engine
from backend.core.heartbeats import WorkerBeat, beat
from backend.core.ids import new_id
from backend.core.jobs.lifecycle import Move
from backend.core.jobs.outcomes import Artifact
from backend.core.jobs.submission import JobOptions, submission
from backend.core.user import User
from backend.services import job_runner
from backend.services.accounts import create_token, find_user
from backend.services.job_runner import enqueue_job
from backend.settings import Settings
from tests.platform import Platform
from tests.waiting import eventually
from workers.ending import Ending, Lease, end_attempt
from workers.relay import Relay, Turn


@dataclass
class Bench:
    """An installation with a relay in this process and no other, and some words to set a scene."""

    platform: Platform
    engine: Engine
    relay: Relay
    broker: redis.Redis
    settings: Settings

    def user(self, role: str = "admin") -> User:
        name = f"{role}-{new_id().hex[-8:]}"
        create_token(self.engine, user_name=name, role=role)
        with self.engine.begin() as connection:
            return find_user(connection, name)

    def job(self, user: User, *, max_running: int | None = None, sleep_s: float = 1.0, **options: object) -> UUID:
        wanted = submission("probe", {"sleep_s": sleep_s}, JobOptions(**options))
        with self.engine.begin() as connection:
            row = connection.execute(statements.insert_job(wanted.new_row(user, None))).mappings().one()
            connection.execute(statements.open_lane("probe", user.id, max_running))
        return row["id"]

    def claim(self, *, lease_s: float = 30.0, hard_limit_s: float = 60.0) -> Lease | None:
        asked = {
            "at_most": 1,
            "queue": "probe",
            "lease_s": lease_s,
            "hard_limit_s": hard_limit_s,
            "worker_id": "w",
            "worker_pid": 1,
        }
        with self.engine.begin() as connection:
            row = connection.execute(claims.CLAIM_WAITING, asked).mappings().one_or_none()
        return None if row is None else Lease.of(row)

    def row(self, job_id: UUID) -> dict[str, object]:
        return self.platform.rows("SELECT * FROM jobs WHERE id = %s", job_id)[0]

    def run(self, sql: str, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql), values)


@pytest.fixture
def bench(scratch_platform: Platform) -> Iterator[Bench]:
    platform = scratch_platform
    settings = Settings(
        database_url=platform.database_url, redis_url=platform.redis_url, AITRADER_DATA_DIR=platform.data_dir
    )
    engine = sync_engine(settings.database)
    broker = redis.Redis.from_url(platform.redis_url)
    yield Bench(platform, engine, Relay(settings, engine), broker, settings)
    broker.close()
    engine.dispose()


def test_due_jobs_are_queued_and_rung_for(bench: Bench) -> None:
    job = bench.job(bench.user())
    bench.run("UPDATE jobs SET state = 'scheduled', run_at = now() - interval '1 s' WHERE id = :id", id=job)
    bench.relay.queue_due_jobs()
    assert bench.row(job)["state"] == "queued"
    assert bench.broker.llen("probe") == 1


def test_a_short_job_that_was_lost_gets_its_attempt_back_once_and_is_then_tried_alone(bench: Bench) -> None:
    job = bench.job(bench.user(), sleep_s=0)
    seen = []
    for _ in range(2):
        assert bench.claim(lease_s=-1) is not None
        bench.relay.take_back_leases()
        row = bench.row(job)
        seen.append((row["state"], row["attempt"], row["is_short"]))
    assert seen == [("queued", 0, False), ("queued", 1, False)]


def test_an_expired_lease_is_taken_back_and_its_attempt_counts(bench: Bench) -> None:
    job = bench.job(bench.user())
    lease = bench.claim(lease_s=-1)
    assert lease is not None
    bench.relay.take_back_leases()
    row = bench.row(job)
    assert (row["state"], row["attempt"], row["lease_token"]) == ("queued", 1, None)
    attempts = bench.platform.rows("SELECT outcome FROM job_attempts WHERE job_id = %s", job)
    assert attempts == [{"outcome": "lost"}]


@pytest.mark.parametrize(
    ("change", "state", "code"),
    [
        ("max_attempts = 1", "failed", "worker_lost"),
        ("attempt_ends_by = now() - interval '9 s'", "failed", "time_limit_exceeded"),
        (
            "(attempt_ends_by, deadline_at) = (now() - interval '9 s', now() - interval '9 s')",
            "failed",
            "deadline_exceeded",
        ),
        ("cancel_requested_at = now()", "cancelled", None),
    ],
)
def test_an_expired_lease_may_be_the_end(bench: Bench, change: str, state: str, code: str | None) -> None:
    job = bench.job(bench.user())
    assert bench.claim(lease_s=-1) is not None
    bench.run(f"UPDATE jobs SET {change} WHERE id = :id", id=job)
    bench.relay.take_back_leases()
    row = bench.row(job)
    assert row["state"] == state
    assert code is None or row["error"]["code"] == code


def test_a_lease_that_was_renewed_in_the_last_moment_is_not_taken_back(bench: Bench) -> None:
    job = bench.job(bench.user())
    lease = bench.claim(lease_s=-1)
    assert lease is not None
    bench.run("UPDATE jobs SET lease_until = now() + interval '30 s' WHERE id = :id", id=job)
    bench.relay.take_back(lease.token, keepers_time_s=0.0)
    assert (bench.row(job)["state"], bench.row(job)["lease_token"]) == ("running", lease.token)


def test_a_worker_presumed_dead_writes_nothing_when_it_comes_back(bench: Bench) -> None:
    job = bench.job(bench.user())
    zombie = bench.claim(lease_s=-1)
    assert zombie is not None
    bench.relay.take_back_leases()
    second = bench.claim()
    assert second is not None
    with bench.engine.begin() as connection:
        late = end_attempt(connection, zombie, Ending(Move.SUCCEED, "succeeded", changes={"result": {}}))
    assert late is None
    assert bench.row(job)["lease_token"] == second.token
    assert bench.platform.rows("SELECT running FROM job_lanes") == [{"running": 1}]


def test_a_cancel_that_was_acknowledged_never_becomes_a_success(bench: Bench) -> None:
    job = bench.job(bench.user())
    lease = bench.claim()
    assert lease is not None
    with bench.engine.begin() as connection:
        connection.execute(statements.request_cancel(job))
    with bench.engine.begin() as connection:
        ended = end_attempt(connection, lease, Ending(Move.SUCCEED, "succeeded", changes={"result": {}}))
    assert ended is not None
    assert ended.job.state == "cancelled"
    assert bench.row(job)["result"] is None


def test_changes_that_were_not_announced_are_announced_once(bench: Bench) -> None:
    user = bench.user()
    job = bench.job(user)
    bench.run("UPDATE job_outbox SET changed_at = now() - interval '5 s' WHERE job_id = :id", id=job)
    history = f"aitrader:job_updates:{user.id}:history"
    bench.relay.announce_missed()
    bench.relay.announce_missed()
    assert bench.broker.xlen(history) == 1
    assert bench.platform.rows("SELECT * FROM job_outbox WHERE job_id = %s", job) == []


def test_as_many_bells_ring_as_jobs_could_start(bench: Bench) -> None:
    uncapped, capped = bench.user(), bench.user()
    for _ in range(5):
        bench.job(uncapped)
        bench.job(capped, max_running=1)
    beat(bench.broker, WorkerBeat("w", "host", 1, ("probe",), slots=4, busy=0))
    bench.relay.ring_lost_bells()
    bench.relay.ring_lost_bells()
    assert bench.broker.llen("probe") == 4
    beat(bench.broker, WorkerBeat("w", "host", 1, ("probe",), slots=40, busy=0))
    bench.relay.ring_lost_bells()
    assert bench.broker.llen("probe") == 6


def test_lanes_are_counted_anew(bench: Bench) -> None:
    bench.job(bench.user())
    assert bench.claim() is not None
    bench.run("UPDATE job_lanes SET running = 7")
    bench.relay.recount_lanes()
    assert bench.platform.rows("SELECT running FROM job_lanes") == [{"running": 1}]


def test_old_jobs_are_pruned_with_their_artifacts(bench: Bench) -> None:
    old, new = bench.job(bench.user()), bench.job(bench.user())
    store = ArtifactStore(bench.settings.artifacts)
    store.write(old, new_id(), Artifact("trades", {"size": [1.0]}))
    bench.run("UPDATE jobs SET state = 'failed', finished_at = now() - interval '91 days' WHERE id = :old", old=old)
    bench.relay.prune()
    assert [row["id"] for row in bench.platform.rows("SELECT id FROM jobs")] == [new]
    assert not (bench.platform.data_dir / "artifacts" / str(old)).exists()


def test_only_one_relay_is_active_and_the_next_takes_over(bench: Bench) -> None:
    first, second = Turn(bench.engine), Turn(bench.engine)
    assert first.is_mine()
    assert not second.is_mine()
    bench.run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = ("
        "SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    eventually(second.is_mine, what="the second relay is active")
    assert not first.is_mine()
    second.give_up()
    assert first.is_mine()
    first.give_up()


def test_claims_take_turns_between_users_and_keep_to_their_caps(bench: Bench) -> None:
    crowd, single, capped = bench.user(), bench.user(), bench.user("free")
    for _ in range(6):
        bench.job(crowd)
    for _ in range(6):
        wanted = submission("backtest", {"symbols": ["AAPL"], "strategy": {"kind": "buy_and_hold"}})
        with bench.engine.begin() as connection:
            row = wanted.new_row(capped, None) | {"queue": "probe"}
            connection.execute(statements.insert_job(row))
            connection.execute(statements.open_lane("probe", capped.id, 2))
    bench.job(single)
    claims = [bench.claim() for _ in range(13)]
    owners = [claim.job.user_id for claim in claims if claim is not None]
    assert set(owners[:3]) == {crowd.id, single.id, capped.id}
    assert (owners.count(crowd.id), owners.count(single.id), owners.count(capped.id)) == (6, 1, 2)


def test_a_key_sent_again_while_its_job_ends_is_no_deadlock(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    user = bench.user()
    for name, value in bench.platform.environment.items():
        monkeypatch.setenv(name, value)
    request = {"job_type": "probe", "user_id": user.name, "payload": {}, "idempotency_key": "once"}
    first = enqueue_job(**request)
    lease = bench.claim()
    assert lease is not None
    with ThreadPoolExecutor(1) as pool:
        with bench.engine.begin() as ending:
            ending.execute(statements.move_job(Move.SUCCEED, lease.job.id, token=lease.token, result={}))
            again = pool.submit(enqueue_job, **request)
            eventually(
                lambda: bench.platform.rows("SELECT 1 FROM pg_locks WHERE NOT granted"), what="the second to wait"
            )
            ending.execute(statements.count_down_lane("probe", user.id))
        assert again.result(10) == first
    job_runner._engine(bench.settings.database).dispose()


def test_a_lane_follows_its_users_cap(bench: Bench) -> None:
    user = bench.user()
    for cap in (2, 2, None, 8):
        bench.job(user, max_running=cap)
        assert bench.platform.rows("SELECT max_running FROM job_lanes") == [{"max_running": cap}]
