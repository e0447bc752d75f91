"""Many new jobs as one statement: what `insert_job` and `open_lane` do one by one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, insert, select

from backend.core.db import statements
from backend.core.db.many_jobs import INSERTED, NewJob, insert_jobs
from backend.core.db.sessions import sync_engine
from backend.core.db.tables import job_lanes, job_outbox, jobs, users
from backend.core.ids import new_id
from backend.core.jobs.probe import ProbePayload
from backend.core.jobs.submission import submission
from backend.core.user import User
from backend.settings.connections import normal_database_url
from tests.platform import Servers

MOMENT = datetime(2030, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(servers: Servers, template: str) -> Iterator[Engine]:
    engine = sync_engine(normal_database_url(servers.new_database(template=template)), pool_size=4)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A transaction that is taken back afterwards."""
    with engine.connect() as connection:
        yield connection


def new_user(connection: Connection) -> User:
    user = User(new_id(), "somebody", "admin")
    connection.execute(insert(users).values(id=user.id, name=str(user.id), role=user.role))
    return user


def probe(user: User, key: str | None = None, **payload: Any) -> dict[str, Any]:
    return submission("probe", payload).new_row(user, key)


def row_of(connection: Connection, job_id: UUID) -> dict[str, Any]:
    return dict(connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one())


def test_a_row_is_as_the_single_insert_makes_it(connection: Connection) -> None:
    user = new_user(connection)
    row = probe(user, "key", sleep_s=0.5)
    twin = row | {"id": new_id(), "idempotency_key": "other"}
    connection.execute(statements.insert_job(row))
    added = connection.execute(insert_jobs([NewJob(twin)])).mappings().one()
    stored, expected = row_of(connection, twin["id"]), row_of(connection, row["id"])
    passing = {"id", "idempotency_key", "changed_at"}
    assert {k: v for k, v in stored.items() if k not in passing} == {
        k: v for k, v in expected.items() if k not in passing
    }
    assert dict(added) == {k: v for k, v in stored.items() if k not in {"payload", "result"}}


def test_every_column_keeps_its_value(connection: Connection) -> None:
    user = new_user(connection)
    row = probe(user) | {
        "state": "succeeded",
        "priority": 0,
        "run_at": MOMENT,
        "deadline_at": MOMENT,
        "started_at": MOMENT,
        "finished_at": MOMENT,
        "progress": 1.0,
        "summary": "all's “well”",
        "is_short": True,
        "request_id": "r",
        "batch_id": uuid4(),
        "schedule_id": uuid4(),
        "fire_at": MOMENT,
        "parent_id": uuid4(),
        "parent_token": uuid4(),
        "child_index": 7,
        "depth": 2,
        "reuse_key": bytes(range(256)),
        "reused_from": uuid4(),
        "reproduces": uuid4(),
        "idempotency_key": "k",
        "result": {"answer": [1, 2.5, None, "x"]},
    }
    assert set(row) == set(INSERTED)
    connection.execute(insert_jobs([NewJob(row)]))
    stored = row_of(connection, row["id"])
    assert {name: stored[name] for name in row} == row


def test_a_payload_may_be_the_model_itself(connection: Connection) -> None:
    user = new_user(connection)
    payload = ProbePayload(sleep_s=1.5)
    row = probe(user) | {"payload": payload}
    connection.execute(insert_jobs([NewJob(row)]))
    assert row_of(connection, row["id"])["payload"] == payload.model_dump(mode="json")


def test_rows_notes_and_lanes_come_together(connection: Connection) -> None:
    ann, ben = new_user(connection), new_user(connection)
    new = [NewJob(probe(user), 2 if user is ann else None) for user in (ann, ben) for _ in range(3)]
    added = connection.execute(insert_jobs(new)).mappings().all()
    assert {row["id"] for row in added} == {job.values["id"] for job in new}
    notes = connection.execute(select(job_outbox.c.job_id, job_outbox.c.version)).all()
    assert set(notes) == {(job.values["id"], 1) for job in new}
    lanes = connection.execute(select(job_lanes.c.queue, job_lanes.c.user_id, job_lanes.c.max_running)).all()
    assert set(lanes) == {("probe", ann.id, 2), ("probe", ben.id, None)}


def test_a_lane_follows_its_users_cap(connection: Connection) -> None:
    user = new_user(connection)
    for cap in (2, 2, None, 8):
        connection.execute(insert_jobs([NewJob(probe(user), cap)]))
        lane = select(job_lanes.c.max_running).where(job_lanes.c.user_id == user.id)
        assert connection.execute(lane).scalars().all() == [cap]


def test_taken_keys_are_left_out_and_the_rest_is_added(connection: Connection) -> None:
    user = new_user(connection)
    connection.execute(insert_jobs([NewJob(probe(user, "a"))]))
    new = [NewJob(probe(user, key)) for key in ("a", "b", "b", None, None)]
    added = connection.execute(insert_jobs(new)).mappings().all()
    assert sorted(str(row["idempotency_key"]) for row in added) == ["None", "None", "b"]


def test_no_jobs_are_no_rows(connection: Connection) -> None:
    assert connection.execute(insert_jobs([])).all() == []


def test_many_at_once_with_the_same_keys_never_deadlock(engine: Engine) -> None:
    with engine.begin() as connection:
        people = [new_user(connection) for _ in range(2)]

    def add(turn: int) -> int:
        new = [NewJob(probe(user, f"{turn // 4}-{n}"), turn % 3) for user in people for n in range(20)]
        with engine.begin() as connection:
            return len(connection.execute(insert_jobs(new if turn % 2 else new[::-1])).all())

    with ThreadPoolExecutor(4) as pool:
        added = list(pool.map(add, range(40)))
    assert sum(added) == 10 * 2 * 20
