"""Schedules from a notebook and from the command line."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from aitrader.client import Client
from aitrader.errors import Conflict, InvalidRequest, NotFound
from tests.integration.aitrader.conftest import CommandLine

SCAN = {"symbols": ["AAPL"], "timeframe": "1d"}


def test_client_makes_steers_and_deletes_a_schedule(client: Client) -> None:
    begin = datetime.now(UTC) + timedelta(days=2)
    made = client.schedules.create(
        "nightly", "pattern_scan", SCAN, cron="0 22 * * *", time_zone="Europe/Berlin", starts_at=begin
    )
    assert made.description == "At 22:00 every day (Europe/Berlin)"
    assert made.next_fire_at is not None
    assert made.next_fire_at >= begin
    assert client.schedules.list() == [made]
    assert client.schedules.pause(made.id).is_paused
    assert not client.schedules.resume(made.id).is_paused
    assert client.schedules.change(made.id, cron="5 22 * * *").cron == "5 22 * * *"
    assert len(client.schedules.upcoming(made.id, 3)) == 3
    job = client.schedules.run(made.id).wait(60)
    assert (job.state, job.record.schedule_id) == ("succeeded", made.id)
    assert client.schedules.get(made.id).last_job_id == job.id
    client.schedules.delete(made.id)
    with pytest.raises(NotFound):
        client.schedules.get(made.id)


def test_client_tells_what_is_wrong(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="five fields") as refused:
        client.schedules.create("n", "pattern_scan", SCAN, cron="daily")
    assert [problem.path for problem in refused.value.problems] == ["cron"]
    client.schedules.create("n", "pattern_scan", SCAN, cron="0 0 * * *")
    with pytest.raises(Conflict):
        client.schedules.create("n", "pattern_scan", SCAN, cron="0 0 * * *")
    with pytest.raises(InvalidRequest, match="must be JSON"):
        client.schedules.change("any", payload={"a": object()})


def test_command_line_makes_shows_and_deletes_a_schedule(aitrader: CommandLine) -> None:
    name = uuid4().hex
    made = aitrader(
        *("schedules", "create", name, "pattern_scan", "--cron", "30 16 * * 1-5", "--time-zone", "America/New_York"),
        *("--payload", json.dumps(SCAN), "--catch-up", "skip", "--priority", "2", "--paused"),
    )
    assert made.returncode == 0, made.stderr
    assert "Monday through Friday" in made.stderr
    schedule_id = made.stdout.strip()
    shown = json.loads(aitrader("schedules", "show", schedule_id, "--json").stdout)
    assert (shown["catch_up"], shown["options"], shown["is_paused"]) == ("skip", {"priority": 2}, True)
    assert name in aitrader("schedules", "list").stdout
    assert "active" in aitrader("schedules", "resume", schedule_id).stdout
    assert "paused" in aitrader("schedules", "pause", schedule_id).stdout
    changed = aitrader("schedules", "change", schedule_id, "--cron", "0 3 * * *", "--time-zone", "UTC")
    assert "At 03:00 every day (UTC)" in changed.stdout
    assert len(aitrader("schedules", "next", schedule_id, "--count", "3").stdout.split("\n")) == 4
    job_id = aitrader("schedules", "run", schedule_id).stdout.strip()
    assert json.loads(aitrader("jobs", "show", job_id, "--json").stdout)["schedule_id"] == schedule_id
    assert aitrader("schedules", "delete", schedule_id).returncode == 0
    gone = aitrader("schedules", "show", schedule_id)
    assert (gone.returncode, "there is no schedule" in gone.stderr) == (1, True)
