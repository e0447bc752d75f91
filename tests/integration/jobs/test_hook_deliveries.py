"""Every end of a job writes what its owner's webhooks are to be told, in the transaction of the end."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from backend.core.db import bulk, claims, statements, upkeep, webhooks
from backend.core.db.hook_deliveries import hook_deliveries
from backend.core.db.many_jobs import NewJob, insert_jobs
from backend.core.db.sessions import sync_engine
from backend.core.ids import new_id
from backend.core.jobs.job import JobSummary
from backend.core.jobs.lifecycle import Move
from backend.core.jobs.submission import submission
from backend.core.user import User
from backend.core.webhooks import new_secret
from backend.services.accounts import create_token, find_user
from backend.settings import Settings
from tests.platform import Platform
from workers.ending import Ending, Lease, end_attempt

ERROR = {"code": "handler_error", "message": "no", "traceback": "a secret place"}


@dataclass
class Bench:
    platform: Platform
    engine: Engine

    def user(self) -> User:
        name = f"user-{new_id().hex}"
        create_token(self.engine, user_name=name, role="admin")
        with self.engine.begin() as connection:
            return find_user(connection, name)

    def hook(self, user: User, **changes: Any) -> UUID:
        row = {
            "id": new_id(),
            "user_id": user.id,
            "url": "https://hooks.example/",
            "states": ["succeeded", "failed", "cancelled"],
            "secret": new_secret().get_secret_value(),
        } | changes
        with self.engine.begin() as connection:
            connection.execute(webhooks.add_webhook(row, 1_000))
        return row["id"]

    def job(self, user: User, **changes: Any) -> UUID:
        row = submission("probe", {}).new_row(user, None) | changes
        with self.engine.begin() as connection:
            connection.execute(insert_jobs([NewJob(row)]))
        return row["id"]

    def lease(self, user: User) -> Lease:
        self.job(user)
        asked = {"queue": "probe", "at_most": 1, "lease_s": 30, "hard_limit_s": 60, "worker_id": "w", "worker_pid": 1}
        with self.engine.begin() as connection:
            return Lease.of(connection.execute(claims.CLAIM_WAITING, asked).mappings().one())

    def end(self, lease: Lease, ending: Ending) -> None:
        with self.engine.begin() as connection:
            end_attempt(connection, lease, ending)

    def told(self, hook: UUID) -> list[dict[str, Any]]:
        rows = self.platform.rows(
            "SELECT body, event, job_id FROM webhook_deliveries WHERE webhook_id = %s ORDER BY created_at", hook
        )
        assert all(row["event"] == row["body"]["type"] for row in rows)
        assert all(row["body"]["data"]["id"] == str(row["job_id"]) for row in rows)
        return [row["body"] for row in rows]


@pytest.fixture
def bench(scratch_platform: Platform) -> Iterator[Bench]:
    engine = sync_engine(Settings(database_url=scratch_platform.database_url).database)
    yield Bench(scratch_platform, engine)
    engine.dispose()


def finish(bench: Bench, lease: Lease) -> None:
    done = json.dumps([{"id": str(lease.job.id), "token": str(lease.token), "result": "{}", "summary": None}])
    with bench.engine.begin() as connection:
        connection.execute(claims.FINISH, {"done": done, "worker_id": "w", "worker_pid": 1})


def test_a_success_tells_the_job_as_lists_and_events_do(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    lease = bench.lease(user)
    finish(bench, lease)
    (body,) = bench.told(hook)
    assert body["type"] == "job.succeeded"
    assert body["data"].keys() == JobSummary.model_fields.keys() - {"user_id"}
    row = bench.platform.rows("SELECT * FROM jobs WHERE id = %s", lease.job.id)[0]
    told = JobSummary.model_validate({**body["data"], "user_id": user.id})
    assert told == JobSummary.model_validate({name: row[name] for name in JobSummary.model_fields})
    assert datetime.fromisoformat(body["timestamp"]) == row["finished_at"]


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (Ending(Move.SUCCEED, "succeeded", None, {"result": {}}), ["job.succeeded"]),
        (Ending(Move.FAIL, "failed", ERROR), ["job.failed"]),
        (Ending(Move.STOP, "cancelled"), ["job.cancelled"]),
        (Ending(Move.TRY_LATER, "failed", ERROR, {"run_at": datetime(2030, 1, 1, tzinfo=UTC)}), []),
        (Ending(Move.LOSE, "lost", ERROR), []),
        (Ending(Move.GIVE_BACK, "given_back"), []),
    ],
)
def test_each_end_of_an_attempt_tells_what_it_ended(bench: Bench, ending: Ending, told: list[str]) -> None:
    user = bench.user()
    hook = bench.hook(user)
    bench.end(bench.lease(user), ending)
    bodies = bench.told(hook)
    assert [body["type"] for body in bodies] == told
    assert "a secret place" not in str(bodies)


def test_a_cancel_that_beats_a_success_is_told_as_a_cancel_once(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    lease = bench.lease(user)
    with bench.engine.begin() as connection:
        connection.execute(statements.request_cancel(lease.job.id))
    assert bench.told(hook) == []
    bench.end(lease, Ending(Move.SUCCEED, "succeeded", None, {"result": {}}))
    assert [body["type"] for body in bench.told(hook)] == ["job.cancelled"]


def test_a_cancel_of_a_waiting_job_is_told(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    job = bench.job(user)
    with bench.engine.begin() as connection:
        connection.execute(statements.cancel_waiting(job))
        connection.execute(statements.cancel_waiting(job))
    assert [body["data"]["state"] for body in bench.told(hook)] == ["cancelled"]


def test_a_bulk_cancel_and_a_deadline_that_passed_are_told(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    cancelled = bench.job(user)
    bench.job(user, deadline_at=datetime(2026, 1, 1, tzinfo=UTC))
    with bench.engine.begin() as connection:
        connection.execute(bulk.cancel_waiting([cancelled]))
        connection.execute(upkeep.expired_jobs(10, {"code": "deadline_exceeded", "message": "late"}))
    assert sorted(body["type"] for body in bench.told(hook)) == ["job.cancelled", "job.failed"]


def test_a_job_that_is_born_with_its_result_is_told(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    bench.job(user)
    bench.job(user, state="succeeded", finished_at=datetime.now(UTC), result={})
    assert [body["type"] for body in bench.told(hook)] == ["job.succeeded"]


def test_a_stale_lease_tells_nothing(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    lease = bench.lease(user)
    bench.end(lease, Ending(Move.FAIL, "failed", ERROR))
    finish(bench, lease)
    bench.end(lease, Ending(Move.FAIL, "failed", ERROR))
    assert len(bench.told(hook)) == 1


def test_what_is_rolled_back_was_never_told(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    lease = bench.lease(user)
    connection = bench.engine.connect()
    end_attempt(connection, lease, Ending(Move.FAIL, "failed", ERROR))
    connection.rollback()
    connection.close()
    assert bench.told(hook) == []


def test_a_retry_by_hand_is_told_again_when_it_ends(bench: Bench) -> None:
    user = bench.user()
    hook = bench.hook(user)
    job = bench.job(user)
    with bench.engine.begin() as connection:
        for _ in range(2):
            connection.execute(statements.cancel_waiting(job))
            connection.execute(statements.retry_by_hand(job))
    assert [body["data"]["version"] for body in bench.told(hook)] == [2, 4]


def test_only_those_are_told_who_asked_to_be(bench: Bench) -> None:
    user, other = bench.user(), bench.user()
    silent = [
        bench.hook(other),
        bench.hook(user, is_enabled=False),
        bench.hook(user, states=["succeeded", "cancelled"]),
        bench.hook(user, job_types=["backtest"]),
    ]
    asked = [bench.hook(user), bench.hook(user, states=["failed"], job_types=["backtest", "probe"])]
    bench.end(bench.lease(user), Ending(Move.FAIL, "failed", ERROR))
    assert [len(bench.told(hook)) for hook in silent] == [0, 0, 0, 0]
    assert [len(bench.told(hook)) for hook in asked] == [1, 1]


def test_a_statement_of_its_own_tells_of_jobs_by_id(bench: Bench) -> None:
    user = bench.user()
    running = bench.job(user)
    ended = bench.job(user, state="succeeded", finished_at=datetime.now(UTC), result={})
    hook = bench.hook(user)
    with bench.engine.begin() as connection:
        connection.execute(hook_deliveries([running, ended]))
    assert [body["data"]["id"] for body in bench.told(hook)] == [str(ended)]
