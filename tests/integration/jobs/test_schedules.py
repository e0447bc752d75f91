"""Runs of schedules: each exactly once, whatever relays do, and what keeps one from starting keeps no other."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from sqlalchemy import Engine

from backend.core.db import schedules
from backend.core.db.sessions import sync_engine
from backend.core.ids import new_id
from backend.core.redis import sync_redis
from backend.core.user import User
from backend.services.accounts import create_token, find_user
from backend.settings import Settings
from tests.platform import Platform
from tests.waiting import eventually
from workers.announce import Herald
from workers.relay_duties.schedules import fire_schedules

MINUTE = timedelta(minutes=1)


@dataclass
class Bench:
    platform: Platform
    engine: Engine
    herald: Herald
    settings: Settings

    def user(self, role: str = "admin") -> User:
        name = f"{role}-{new_id().hex[-8:]}"
        create_token(self.engine, user_name=name, role=role)
        with self.engine.begin() as connection:
            return find_user(connection, name)

    def schedule(self, user: User, **changes: Any) -> UUID:
        row = {
            "id": new_id(),
            "user_id": user.id,
            "name": new_id().hex,
            "job_type": "probe",
            "payload": {},
            "options": {},
            "cron": "* * * * *",
            "time_zone": "UTC",
            "catch_up": "all",
            "next_fire_at": this_minute(),
        } | changes
        with self.engine.begin() as connection:
            connection.execute(schedules.add_schedule(row, 1_000))
        return row["id"]

    def fire(self) -> None:
        fire_schedules(self.engine, self.herald, self.settings.jobs)

    def fired(self, schedule_id: UUID) -> list[datetime]:
        rows = self.platform.rows("SELECT fire_at FROM jobs WHERE schedule_id = %s ORDER BY fire_at", schedule_id)
        return [row["fire_at"] for row in rows]

    def row(self, schedule_id: UUID) -> dict[str, Any]:
        return self.platform.rows("SELECT * FROM job_schedules WHERE id = %s", schedule_id)[0]


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def minutes(first: datetime, last: datetime) -> list[datetime]:
    return [first + MINUTE * i for i in range((last - first) // MINUTE + 1)]


@pytest.fixture
def bench(scratch_platform: Platform) -> Iterator[Bench]:
    platform = scratch_platform
    settings = Settings(
        database_url=platform.database_url, redis_url=platform.redis_url, AITRADER_DATA_DIR=platform.data_dir
    )
    engine = sync_engine(settings.database, pool_size=10)
    broker = sync_redis(settings.redis)
    yield Bench(platform, engine, Herald(engine, broker), settings)
    broker.close()
    engine.dispose()


def test_a_due_run_is_a_queued_job_with_a_lane_a_bell_and_a_word_to_listeners(bench: Bench) -> None:
    user = bench.user("free")
    schedule = bench.schedule(
        user,
        job_type="pattern_scan",
        payload={"symbols": ["AAPL"]},
        options={"priority": 2, "max_attempts": 1},
        next_fire_at=this_minute(),
    )
    bench.fire()
    (job,) = bench.platform.rows("SELECT * FROM jobs WHERE schedule_id = %s", schedule)
    assert (job["state"], job["priority"], job["max_attempts"], job["user_id"]) == ("queued", 2, 1, user.id)
    assert job["fire_at"] == bench.row(schedule)["last_fire_at"]
    assert bench.row(schedule)["last_job_id"] == job["id"]
    (lane,) = bench.platform.rows("SELECT * FROM job_lanes WHERE user_id = %s", user.id)
    assert (lane["queue"], lane["max_running"]) == ("pattern_scan", bench.settings.jobs.free_max_running)
    with redis.Redis.from_url(bench.platform.redis_url) as broker:
        assert broker.llen("pattern_scan") == 1
        assert broker.xlen(f"aitrader:job_updates:{user.id}:history") == 1
    assert bench.platform.rows("SELECT * FROM job_outbox") == []


def test_what_is_paused_over_or_not_due_does_not_run(bench: Bench) -> None:
    user = bench.user()
    idle = [
        bench.schedule(user, is_paused=True),
        bench.schedule(user, next_fire_at=None),
        bench.schedule(user, next_fire_at=this_minute() + 2 * MINUTE),
        bench.schedule(user, catch_up="skip", cron="0 0 1 1 *", next_fire_at=datetime(2025, 1, 1, tzinfo=UTC)),
    ]
    bench.fire()
    assert [bench.fired(schedule) for schedule in idle] == [[], [], [], []]
    skipped = bench.row(idle[3])
    assert skipped["next_fire_at"] > datetime.now(UTC)
    assert skipped["last_fire_at"] is None


def test_the_last_run_ends_a_schedule(bench: Bench) -> None:
    schedule = bench.schedule(bench.user(), ends_at=this_minute())
    bench.fire()
    assert len(bench.fired(schedule)) == 1
    assert bench.row(schedule)["next_fire_at"] is None


def test_relays_that_look_at_the_same_time_start_each_run_once(bench: Bench) -> None:
    first = this_minute() - 130 * MINUTE
    user = bench.user()
    several = [bench.schedule(user, next_fire_at=first) for _ in range(12)]
    last = this_minute()
    with ThreadPoolExecutor(8) as relays:
        for looked in [relays.submit(bench.fire) for _ in range(24)]:
            looked.result()
    bench.fire()
    for schedule in several:
        assert bench.fired(schedule)[:131] == minutes(first, last)
        assert bench.row(schedule)["last_error"] is None


def test_a_time_that_is_looked_at_again_starts_no_second_job(bench: Bench) -> None:
    schedule = bench.schedule(bench.user(), next_fire_at=this_minute() - 3 * MINUTE)
    bench.fire()
    before = bench.fired(schedule)
    bench.platform.rows("UPDATE job_schedules SET next_fire_at = %s WHERE id = %s", before[0], schedule)
    bench.fire()
    assert bench.fired(schedule)[: len(before)] == before
    assert bench.row(schedule)["last_error"] is None


def test_a_relay_that_is_killed_leaves_all_of_a_run_or_nothing_and_another_goes_on(bench: Bench) -> None:
    platform = bench.platform
    first = this_minute() - 3_000 * MINUTE
    user = bench.user()
    several = [bench.schedule(user, next_fire_at=first), bench.schedule(user, next_fire_at=first)]
    relays = [platform.start("workers.relay"), platform.start("workers.relay")]
    count = "SELECT count(*) FROM jobs"
    eventually(lambda: platform.rows(count)[0]["count"] > 200, timeout_s=60, what="the first runs")
    for relay in relays:  # one of them is active, and the other becomes it
        relay.send_signal(signal.SIGKILL)
        relay.wait()
        left = platform.rows(count)[0]["count"]
        # All of a round, or nothing of it; looked at in one statement, since the other relay goes on.
        looked = platform.rows(
            "SELECT s.next_fire_at, count(j.id) AS runs FROM job_schedules s"
            " JOIN jobs j ON j.schedule_id = s.id GROUP BY s.id"
        )
        assert all(row["next_fire_at"] == first + MINUTE * row["runs"] for row in looked)
        platform.start("workers.relay")
        eventually(lambda left=left: platform.rows(count)[0]["count"] > left, timeout_s=60, what="more runs")  # type: ignore[misc]
    eventually(
        lambda: all(bench.row(schedule)["next_fire_at"] > first + 3_000 * MINUTE for schedule in several),
        timeout_s=100,
        what="the end of catching up",
    )
    for schedule in several:
        assert bench.fired(schedule)[:3_001] == minutes(first, first + 3_000 * MINUTE)
        assert bench.row(schedule)["last_error"] is None


@pytest.mark.parametrize(
    ("role", "changes", "code"),
    [
        ("free", {}, "forbidden"),
        ("admin", {"payload": {"gone": 1}}, "invalid_request"),
        ("admin", {"job_type": "retired"}, "invalid_request"),
        ("admin", {"options": {"retired": 1}}, "invalid_request"),
    ],
)
def test_what_cannot_start_is_written_down_and_keeps_nobody_else(
    bench: Bench, role: str, changes: dict[str, Any], code: str
) -> None:
    bad = bench.schedule(bench.user(role), **changes)
    good = bench.schedule(bench.user())
    bench.fire()
    assert bench.fired(bad) == []
    row = bench.row(bad)
    assert row["last_error"]["code"] == code
    assert row["last_error"]["fire_at"]
    assert row["next_fire_at"] > datetime.now(UTC)
    assert len(bench.fired(good)) == 1


def test_a_queue_that_drains_takes_no_runs_until_it_does_not(bench: Bench) -> None:
    schedule = bench.schedule(bench.user(), next_fire_at=this_minute() - MINUTE)
    bench.platform.rows("INSERT INTO queue_controls (queue, is_draining) VALUES ('probe', true)")
    bench.fire()
    assert bench.fired(schedule) == []
    assert bench.row(schedule)["last_error"]["code"] == "queue_draining"
    bench.platform.rows("DELETE FROM queue_controls")
    bench.platform.rows("UPDATE job_schedules SET next_fire_at = %s WHERE id = %s", this_minute(), schedule)
    bench.fire()
    assert bench.fired(schedule) != []
    assert bench.row(schedule)["last_error"] is None


def test_a_zone_that_is_gone_ends_a_schedule_and_says_so(bench: Bench) -> None:
    schedule = bench.schedule(bench.user(), time_zone="Atlantis/Capital")
    bench.fire()
    row = bench.row(schedule)
    assert row["next_fire_at"] is None
    assert "IANA" in row["last_error"]["message"]
