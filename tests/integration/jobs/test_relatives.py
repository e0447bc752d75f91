"""What follows from a job's end, in small steps on a real database: races, crashes in between, the relay's sweeps."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, text

from backend.core.db import batches, claims, statements
from backend.core.db.aftermath import Aftermath, Ended, run, settling
from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.db.sessions import sync_engine
from backend.core.db.tables import users
from backend.core.ids import new_id, new_ids
from backend.core.jobs.lifecycle import Move
from backend.core.jobs.outcomes import ChildFailurePolicy, ChildJob, FanOut
from backend.core.jobs.probe import ProbePayload
from backend.core.jobs.submission import submission
from backend.core.user import User
from backend.settings import Settings
from tests.platform import Platform
from workers.aftermath import follow_jobs
from workers.announce import Herald
from workers.ending import Ending, Lease, end_attempt
from workers.fan_out import FanOuts
from workers.relay import Relay

SUCCESS = Ending(Move.SUCCEED, "succeeded", changes={"result": {}})
FAILURE = Ending(Move.FAIL, "failed", {"code": "bad", "message": "it went wrong"})


@dataclass
class Bench:
    """A database and a Redis with nothing running, and hands to move jobs with."""

    platform: Platform
    engine: Engine
    broker: redis.Redis
    herald: Herald
    fan_outs: FanOuts
    relay: Relay
    user: User

    def queue(self, count: int = 1, batch_id: UUID | None = None) -> list[UUID]:
        row = submission("probe", {"sleep_s": 1.0}).new_row(self.user, None)
        ids = new_ids(count)
        with self.engine.begin() as connection:
            connection.execute(insert_jobs([NewJob(row | {"id": one, "batch_id": batch_id}) for one in ids]))
        return ids

    def batch(self, count: int) -> tuple[UUID, list[UUID]]:
        batch_id = new_id()
        row = {"id": batch_id, "user_id": self.user.id, "job_count": count, "request_hash": b""}
        with self.engine.begin() as connection:
            connection.execute(batches.insert_batch(row))
        return batch_id, self.queue(count, batch_id)

    def claim(self) -> Lease:
        asked = {"at_most": 1, "queue": "probe", "lease_s": 60, "hard_limit_s": 60, "worker_id": "w", "worker_pid": 1}
        with self.engine.begin() as connection:
            return Lease.of(connection.execute(claims.CLAIM_WAITING, asked).mappings().one())

    def end(self, lease: Lease, ending: Ending = SUCCESS, *, is_followed: bool = True) -> None:
        """End an attempt; a worker that dies right after does not follow up."""
        with self.engine.begin() as connection:
            ended = end_attempt(connection, lease, ending)
        assert ended is not None
        if is_followed:
            follow_jobs(self.engine, self.herald, [ended.job])

    def family(self, children: int = 2, policy: ChildFailurePolicy = "fail") -> tuple[UUID, list[Lease]]:
        """Return a parent that waits, and its children's leases."""
        (parent,) = self.queue()
        self.fan_out(children, policy)
        return parent, [self.claim() for _ in range(children)]

    def fan_out(self, children: int, policy: ChildFailurePolicy = "fail") -> Lease:
        lease = self.claim()
        wanted = [ChildJob(job_type="probe", payload=ProbePayload(sleep_s=1.0))] * children
        ended = self.fan_outs.record(lease, FanOut(children=wanted, on_child_failure=policy))
        assert ended is not None
        assert ended.job.state == "waiting"
        return lease

    def state(self, job_id: UUID) -> str:
        return str(self.row(job_id)["state"])

    def row(self, job_id: UUID) -> dict[str, Any]:
        return self.platform.rows("SELECT * FROM jobs WHERE id = %s", job_id)[0]

    def finished_at(self, batch_id: UUID) -> Any:
        return self.platform.rows("SELECT finished_at FROM job_batches WHERE id = %s", batch_id)[0]["finished_at"]

    def run(self, sql: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(sql), values)

    def told_batches(self) -> list[dict[str, Any]]:
        history = self.broker.xrange(f"aitrader:job_updates:{self.user.id}:history")
        told = [json.loads(fields[b"body"].decode().split("\n", 2)[2]) for _, fields in history]
        return [one["batch"] for one in told if "batch" in one]


@pytest.fixture
def bench(scratch_platform: Platform) -> Iterator[Bench]:
    platform = scratch_platform
    settings = Settings(
        database_url=platform.database_url, redis_url=platform.redis_url, AITRADER_DATA_DIR=platform.data_dir
    )
    engine = sync_engine(settings.database, pool_size=6)
    broker = redis.Redis.from_url(platform.redis_url)
    herald = Herald(engine, broker)
    user = User(new_id(), "somebody", "admin")
    with engine.begin() as connection:
        connection.execute(insert(users).values(id=user.id, name=user.name, role=user.role))
    fan_outs = FanOuts(engine, herald, settings.jobs)
    yield Bench(platform, engine, broker, herald, fan_outs, Relay(settings, engine), user)
    broker.close()
    engine.dispose()


def test_last_two_children_that_end_at_the_same_time_wake_their_parent_once(bench: Bench) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(60):
            parent, leases = bench.family(2)
            barrier = Barrier(2)

            def end(lease: Lease, barrier: Barrier = barrier) -> None:
                barrier.wait(10)
                bench.end(lease)

            list(pool.map(end, leases))
            row = bench.row(parent)
            assert (row["state"], row["progress"], row["attempt"]) == ("queued", 1.0, 0)
            bench.end(bench.claim())
            assert bench.state(parent) == "succeeded"


def test_last_two_jobs_that_end_at_the_same_time_finish_their_batch_once(bench: Bench) -> None:
    with ThreadPoolExecutor(2) as pool:
        ids = []
        for _ in range(60):
            batch_id, _ = bench.batch(2)
            ids.append(batch_id)
            leases = [bench.claim(), bench.claim()]
            list(pool.map(bench.end, leases))
            assert bench.finished_at(batch_id) is not None
    assert Counter(UUID(told["id"]) for told in bench.told_batches()) == Counter(ids)


def test_success_and_failure_of_the_last_two_at_the_same_time_fail_the_parent(bench: Bench) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(30):
            parent, leases = bench.family(2)
            list(pool.map(bench.end, leases, [SUCCESS, FAILURE]))
            assert bench.row(parent)["error"]["code"] == "child_failed"


@pytest.mark.parametrize(("policy", "state"), [("fail", "failed"), ("degrade", "queued")])
def test_relay_moves_a_parent_that_nobody_told(bench: Bench, policy: ChildFailurePolicy, state: str) -> None:
    parent, leases = bench.family(2, policy)
    bench.end(leases[0], FAILURE, is_followed=False)
    bench.end(leases[1], is_followed=False)
    assert bench.state(parent) == "waiting"
    bench.relay.round()
    assert bench.state(parent) == state


def test_relay_leaves_a_parent_alone_whose_children_are_not_all_ended(bench: Bench) -> None:
    parent, leases = bench.family(2)
    bench.end(leases[0], is_followed=False)
    bench.relay.round()
    assert bench.state(parent) == "waiting"


def test_relay_cancels_the_children_that_nobody_waits_for(bench: Bench) -> None:
    (parent,) = bench.queue()
    bench.fan_out(3)
    running = bench.claim()
    bench.run("UPDATE jobs SET state = 'failed', finished_at = now() WHERE id = :id", id=parent)
    bench.relay.round()
    rows = bench.platform.rows(
        "SELECT state, error FROM jobs WHERE parent_id = %s AND id <> %s", parent, running.job.id
    )
    assert [(row["state"], row["error"]["code"]) for row in rows] == [("cancelled", "abandoned")] * 2
    assert bench.row(running.job.id)["cancel_requested_at"] is not None


def test_relay_spares_the_children_of_a_job_that_starts_anew_only_if_they_are_new(bench: Bench) -> None:
    parent, leases = bench.family(2)
    bench.run("UPDATE jobs SET state = 'failed', finished_at = now() WHERE id = :id", id=parent)
    with bench.engine.begin() as connection:
        assert connection.execute(statements.retry_by_hand(parent)).mappings().one()["fan_out"] is None
    bench.fan_out(2)
    bench.relay.round()
    asked = bench.platform.rows(
        "SELECT cancel_requested_at IS NOT NULL AS asked FROM jobs WHERE id = ANY(%s)", [one.job.id for one in leases]
    )
    assert asked == [{"asked": True}] * 2
    new = bench.platform.rows("SELECT state FROM jobs WHERE parent_id = %s AND cancel_requested_at IS NULL", parent)
    assert new == [{"state": "queued"}] * 2


def test_word_of_an_old_childs_end_moves_no_new_fan_out(bench: Bench) -> None:
    parent, leases = bench.family(1)
    steps, found = settling([Ended.of(leases[0].job)], Aftermath()), Aftermath()
    next(steps)  # it is about to look at the parent
    bench.end(leases[0])
    bench.fan_outs.record(bench.claim(), FanOut(children=[ChildJob(job_type="probe", payload=ProbePayload())]))
    stale = {"id": parent, "token": str(leases[0].job.id), "bad_id": None, "is_done": True, "is_stale": True}
    late = steps.send([stale])  # type: ignore[list-item]  # a row as it was before
    run(bench.engine, iter_of(late))
    del found
    assert bench.state(parent) == "waiting"


def iter_of(statement: Any) -> Any:
    yield statement


def test_fan_out_whose_lease_was_lost_leaves_nothing(bench: Bench) -> None:
    (parent,) = bench.queue()
    lease = bench.claim()
    bench.run("UPDATE jobs SET lease_token = gen_random_uuid() WHERE id = :id", id=parent)
    wanted = FanOut(children=[ChildJob(job_type="probe", payload=ProbePayload())])
    assert bench.fan_outs.record(lease, wanted) is None
    assert bench.platform.rows("SELECT count(*) AS n FROM jobs") == [{"n": 1}]


def test_fan_out_of_a_job_that_shall_stop_stops_it(bench: Bench) -> None:
    (parent,) = bench.queue()
    lease = bench.claim()
    with bench.engine.begin() as connection:
        connection.execute(statements.request_cancel(parent))
    ended = bench.fan_outs.record(lease, FanOut(children=[ChildJob(job_type="probe", payload=ProbePayload())]))
    assert ended is not None
    assert ended.job.state == "cancelled"
    assert bench.platform.rows("SELECT count(*) AS n FROM jobs") == [{"n": 1}]


@pytest.mark.parametrize(
    ("count", "depth", "state", "code"),
    [(0, 0, {}, "fan_out_too_wide"), (1_001, 0, {}, "fan_out_too_wide"), (1, 2, {}, "fan_out_too_deep")],
)
def test_fan_out_beyond_its_bounds_fails_the_job(
    bench: Bench, count: int, depth: int, state: dict[str, Any], code: str
) -> None:
    (job,) = bench.queue()
    if depth:
        bench.run("UPDATE jobs SET depth = :depth, parent_id = gen_random_uuid() WHERE id = :id", depth=depth, id=job)
    children = [ChildJob(job_type="probe", payload=ProbePayload())] * count
    ended = bench.fan_outs.record(bench.claim(), FanOut(children=children, state=state))
    assert ended is not None
    assert (ended.job.state, ended.job.error.code if ended.job.error else None) == ("failed", code)
    assert bench.platform.rows("SELECT count(*) AS n FROM jobs") == [{"n": 1}]


def test_state_that_is_not_json_is_the_handlers_bug(bench: Bench) -> None:
    bench.queue()
    lease = bench.claim()
    with pytest.raises((TypeError, ValueError)):
        bench.fan_outs.record(lease, FanOut(children=[], state={"a": float("nan")}))


def test_relay_finishes_and_announces_a_batch_that_nobody_followed_up(bench: Bench) -> None:
    batch_id, _ = bench.batch(2)
    for _ in range(2):
        bench.end(bench.claim(), is_followed=False)
    assert bench.finished_at(batch_id) is None
    bench.relay.round()
    assert bench.finished_at(batch_id) is not None
    assert [UUID(told["id"]) for told in bench.told_batches()] == [batch_id]


def test_end_of_a_batch_that_was_not_told_is_told_by_the_relay_once(bench: Bench) -> None:
    batch_id, _ = bench.batch(1)
    bench.end(bench.claim())
    bench.run("UPDATE job_batches SET announced_at = NULL, finished_at = now() - interval '5 s'")
    bench.broker.flushdb()
    bench.relay.round()
    bench.relay.round()
    assert [UUID(told["id"]) for told in bench.told_batches()] == [batch_id]


def test_retry_between_look_and_finish_keeps_the_batch_open(bench: Bench) -> None:
    batch_id, (job_id,) = bench.batch(1)
    bench.end(bench.claim(), FAILURE, is_followed=False)
    with bench.engine.begin() as connection:
        (found,) = connection.execute(batches.complete_batches([batch_id], 1)).mappings().all()
    with bench.engine.begin() as connection:
        connection.execute(statements.retry_by_hand(job_id))
        connection.execute(batches.reopen_batches_of([job_id]))
    with bench.engine.begin() as connection:
        finished = connection.execute(batches.finish_batch(batch_id, found["reopened_count"])).all()
    assert finished == []
    assert bench.finished_at(batch_id) is None


ACTS = st.lists(st.sampled_from(["claim", "succeed", "fail", "give_back", "cancel", "retry", "relay"]), max_size=40)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(size=st.integers(1, 6), acts=ACTS, seed=st.integers(0, 2**32))
def test_counts_are_the_jobs_and_a_batch_is_finished_if_and_only_if_all_have_ended(
    bench: Bench, size: int, acts: list[str], seed: int
) -> None:
    bench.run("DELETE FROM jobs")
    bench.run("UPDATE job_lanes SET running = 0")
    batch_id, ids = bench.batch(size)
    chance, held = random.Random(seed), dict[UUID, Lease]()
    for act in acts:
        _act(bench, act, ids, held, chance)
        states = Counter(
            row["state"] for row in bench.platform.rows("SELECT state FROM jobs WHERE batch_id = %s", batch_id)
        )
        with bench.engine.connect() as connection:
            counted = {row.state: row.jobs for row in connection.execute(batches.state_counts([batch_id]))}
        assert counted == dict(states)
        assert sum(counted.values()) == size
        has_ended = not set(states) - {"succeeded", "failed", "cancelled"}
        assert (bench.finished_at(batch_id) is not None) == has_ended


def _act(bench: Bench, act: str, ids: list[UUID], held: dict[UUID, Lease], chance: random.Random) -> None:
    job_id = chance.choice(ids)
    state = bench.state(job_id)
    if act == "claim" and any(bench.state(one) == "queued" for one in ids):
        lease = bench.claim()
        held[lease.job.id] = lease
    elif act in {"succeed", "fail", "give_back"} and held:
        lease = held.pop(next(islice(held, 1)))
        bench.end(lease, {"succeed": SUCCESS, "fail": FAILURE, "give_back": Ending(Move.GIVE_BACK, "given_back")}[act])
    elif act == "cancel" and state == "queued":
        with bench.engine.begin() as connection:
            row = connection.execute(statements.cancel_waiting(job_id)).mappings().one()
        run(bench.engine, settling([Ended.of_row(row)], Aftermath()))
    elif act == "retry" and state in {"failed", "cancelled"}:
        with bench.engine.begin() as connection:
            connection.execute(statements.retry_by_hand(job_id))
            connection.execute(batches.reopen_batches_of([job_id]))
    elif act == "relay":
        bench.relay.round()
