"""A role's cap on running jobs, with real workers that could run more."""

from collections.abc import Callable
from typing import Any

import pytest

from backend.core.db.sessions import sync_engine
from backend.services.accounts import create_token
from backend.settings.connections import normal_database_url
from tests.platform import Platform, finished, submit
from tests.waiting import eventually

AT_ONCE = """
SELECT max((SELECT count(*) FROM job_attempts b JOIN jobs k ON k.id = b.job_id
            WHERE k.user_id = j.user_id AND b.started_at <= a.started_at AND b.ended_at > a.started_at)) AS most
FROM job_attempts a JOIN jobs j ON j.id = a.job_id WHERE j.id = ANY(%s::uuid[])
"""
"""How many of these jobs' attempts ran at once, at the moment when it was most."""


@pytest.fixture(scope="module")
def wide(new_platform: Callable[..., Platform]) -> Platform:
    """Four slots for probes."""
    platform = new_platform()
    platform.start_api()
    platform.start("workers.relay")
    platform.start_worker("--queues", "probe", "--concurrency", "4")
    return platform


def most_at_once(platform: Platform, jobs: list[dict[str, Any]]) -> int:
    return int(platform.rows(AT_ONCE, [job["id"] for job in jobs])[0]["most"])


def set_role(platform: Platform, user: str, role: Any) -> None:
    engine = sync_engine(normal_database_url(platform.database_url))
    create_token(engine, user_name=user, role=role)
    engine.dispose()


def test_a_role_that_changes_counts_for_jobs_that_wait_already(wide: Platform) -> None:
    with wide.client("admin", user="changing") as client, wide.client("admin") as operator:
        operator.post("/queues/probe/pause").raise_for_status()
        jobs = [submit(client, "probe", {"sleep_s": 0.4, "steps": 2}) for _ in range(8)]
        set_role(wide, "changing", "free")
        cap = "SELECT max_running FROM job_lanes l JOIN users u ON u.id = l.user_id WHERE u.name = 'changing'"
        eventually(lambda: wide.rows(cap) == [{"max_running": 2}], what="the lane to follow the role")
        operator.post("/queues/probe/resume").raise_for_status()
        assert {finished(client, job["id"])["state"] for job in jobs} == {"succeeded"}
    assert most_at_once(wide, jobs) == 2, "a free user's jobs ran beside each other, two at a time"


def test_without_a_cap_all_slots_are_used(wide: Platform) -> None:
    with wide.client("admin") as client:
        jobs = [submit(client, "probe", {"sleep_s": 1.0, "steps": 2}) for _ in range(4)]
        for job in jobs:
            finished(client, job["id"])
    assert most_at_once(wide, jobs) > 2
