"""Steering many jobs, queues and what is kept, as a person types it."""

import json

import pytest

from tests.waiting import eventually


@pytest.fixture
def paused(admin_client):
    """The queue of scans, paused for this test."""
    admin_client.pause_queue("pattern_scan")
    yield "pattern_scan"
    admin_client.resume_queue("pattern_scan")


def test_jobs_are_counted_confirmed_cancelled_and_tried_again(aitrader, platform, paused):
    mine = {"AITRADER_TOKEN": platform.token("bulk-owner")}
    for _ in range(3):
        aitrader("submit", "pattern_scan", "--payload", '{"symbols": ["AAPL"], "last_bars": 5}', **mine)
    asked = aitrader("jobs", "cancel", "--type", "pattern_scan", given="n\n", **mine)
    assert (asked.returncode, asked.stdout.strip()) == (1, "")
    assert "cancel 3 jobs?" in asked.stderr
    assert "nothing was changed" in asked.stderr
    done = aitrader("jobs", "cancel", "--state", "queued", "--type", "pattern_scan", "--yes", **mine)
    assert (done.returncode, done.stdout) == (0, "3 matched, 3 cancelled\n")
    again = aitrader("jobs", "retry", "--state", "cancelled", "--yes", "--json", **mine)
    assert json.loads(again.stdout)["queued"] == 3
    none = aitrader("jobs", "retry", "--state", "failed", "--yes", **mine)
    assert (none.returncode, none.stdout) == (0, "0 matched\n")
    assert "no job matches" in none.stderr


@pytest.mark.parametrize("arguments", [["jobs", "cancel"], ["jobs", "retry", "0" * 32, "--state", "failed"]])
def test_neither_an_id_nor_a_filter_or_both_is_not_understood(aitrader, arguments):
    answer = aitrader(*arguments)
    assert answer.returncode == 2
    assert "give an ID" in answer.stderr


def test_queues_are_listed_paused_drained_and_resumed(aitrader):
    try:
        assert aitrader("queues", "pause", "pattern_scan").stdout.startswith("pattern_scan paused,")
        assert aitrader("queues", "drain", "pattern_scan").stdout.startswith("pattern_scan paused and draining,")
        line = next(line for line in aitrader("queues", "list").stdout.splitlines() if "pattern_scan" in line)
        assert "paused and draining" in line
        assert "operator" in line
    finally:
        resumed = aitrader("queues", "resume", "pattern_scan", "--json")
    assert json.loads(resumed.stdout)["is_draining"] is False
    assert aitrader("queues", "pause", "nonsense").returncode == 1


def test_job_with_a_deadline_shows_it_and_fails_when_it_has_passed(aitrader):
    payload = '{"sleep_s": 30, "steps": 100}'
    answer = aitrader("submit", "probe", "--payload", payload, "--expires-in", "0.5", "--wait")
    assert answer.returncode == 1
    assert "(deadline_exceeded)" in answer.stderr
    assert "deadline   20" in answer.stdout


def test_pruning_tells_asks_and_deletes(aitrader, platform, admin_client):
    where = {"DATABASE_URL": platform.database_url}
    job = admin_client.submit("probe", {}).wait()
    platform.rows("UPDATE jobs SET finished_at = now() - interval '20 days' WHERE id = %s", job.id)
    found = aitrader("prune", "--older-than", "19d", "--dry-run", "--json", **where)
    assert json.loads(found.stdout)["jobs"] == 1
    refused = aitrader("prune", "--older-than", "19d", given="n\n", **where)
    assert (refused.returncode, "delete 1 jobs" in refused.stderr) == (1, True)
    wrong = aitrader("prune", "--older-than", "soon", **where)
    assert (wrong.returncode, "such as 30d" in wrong.stderr) == (2, True)
    done = aitrader("prune", "--older-than", "19d", "--yes", **where)
    assert "jobs             1" in done.stdout
    eventually(lambda: platform.rows("SELECT 1 FROM jobs WHERE id = %s", job.id) == [], what="the job to be gone")
