"""Batches and children, from a notebook and from a terminal."""

import json

import pytest

from aitrader.client import InvalidRequest, WaitTimeout
from tests.waiting import eventually

PROBE = {"job_type": "probe", "payload": {}}
SLOW = {"job_type": "probe", "payload": {"sleep_s": 60, "steps": 100}}
BAD = {"job_type": "probe", "payload": {"fail_attempts": 1, "fail_with": "invalid"}}


@pytest.fixture
def lines(tmp_path):
    """Write jobs as JSON Lines; return the file's name."""

    def write(*jobs):
        file = tmp_path / "jobs.jsonl"
        file.write_text("\n".join(map(json.dumps, jobs)) + "\n\n")
        return str(file)

    return write


def test_batch_is_submitted_awaited_and_its_results_come_in_order(admin_client):
    padded = {"job_type": "probe", "payload": {"result_bytes": 3, "sleep_s": 0.2}}
    batch = admin_client.submit_batch([padded, BAD, PROBE], name="three")
    assert (batch.name, batch.job_count, batch.is_finished) == ("three", 3, False)
    seen = []
    batch.wait(60, on_change=lambda changed: seen.append(changed.counts.ended))
    assert (batch.counts.succeeded, batch.counts.failed, seen[-1]) == (2, 1, 3)
    results = list(batch.results())
    assert [job.id for job in results] == list(batch.job_ids)
    assert [job.state for job in results] == ["succeeded", "failed", "succeeded"]
    assert results[0].result["padding"] == "xxx"
    assert [job.id for job in batch.jobs(state="failed")] == [batch.job_ids[1]]
    assert [found.id for found in admin_client.batches(limit=5)] == [batch.id]
    assert admin_client.batch(batch.id).job_ids == batch.job_ids


def test_results_are_waited_for_no_longer_than_asked(admin_client):
    batch = admin_client.submit_batch([PROBE, SLOW])
    jobs = batch.results(timeout_s=2)
    assert next(jobs).state == "succeeded"
    with pytest.raises(WaitTimeout):
        next(jobs)
    with pytest.raises(WaitTimeout, match="is not over after"):
        batch.wait(0.2)
    assert batch.cancel().wait(30).counts.cancelled == 1


def test_same_key_is_the_same_batch(admin_client):
    first = admin_client.submit_batch([PROBE], idempotency_key="monday")
    assert admin_client.submit_batch([PROBE], idempotency_key="monday").id == first.id


def test_wrong_job_is_named_and_nothing_is_started(client):
    scan = {"job_type": "pattern_scan", "payload": {"symbols": ["AAPL"]}}
    with pytest.raises(InvalidRequest) as caught:
        client.submit_batch([scan, {"job_type": "pattern_scan", "payload": {"symbols": []}}])
    assert [problem.path for problem in caught.value.problems] == ["jobs.1.payload.symbols"]
    assert client.batches() == []


def test_children_are_listed_in_their_order(admin_client):
    job = admin_client.submit("probe", {"children": 3}).wait(60)
    children = job.children()
    assert [child.record.child_index for child in children] == [0, 1, 2]
    assert {child.record.parent_id for child in children} == {job.id}


def test_batch_is_submitted_and_awaited_in_a_terminal(aitrader, lines):
    answer = aitrader("batch", "submit", lines(PROBE, PROBE), "--name", "two", "--wait", "--timeout", "60")
    assert answer.returncode == 0, answer.stderr
    assert "succeeded  2\n" in answer.stdout
    assert "2 succeeded" in answer.stderr


def test_batch_with_a_failure_exits_with_1(aitrader, lines):
    answer = aitrader("batch", "submit", lines(PROBE, BAD), "--wait", "--json")
    assert answer.returncode == 1
    assert json.loads(answer.stdout)["counts"]["failed"] == 1
    assert "1 of 2 jobs did not succeed" in answer.stderr


def test_batch_is_shown_listed_awaited_and_cancelled(aitrader, lines):
    batch_id = aitrader("batch", "submit", lines(SLOW, SLOW)).stdout.strip()
    assert "jobs       2\n" in aitrader("batch", "show", batch_id).stdout
    line = next(line for line in aitrader("batch", "list").stdout.splitlines() if batch_id in line)
    assert line.split()[1:3] == ["2", "0"]
    late = aitrader("batch", "wait", batch_id, "--timeout", "0.1")
    assert (late.returncode, "goes on" in late.stderr) == (1, True)
    assert aitrader("batch", "cancel", batch_id).returncode == 0
    eventually(
        lambda: json.loads(aitrader("batch", "show", batch_id, "--json").stdout)["counts"]["cancelled"] == 2,
        what="the end of both",
    )


def test_jobs_come_from_standard_input_too(aitrader):
    answer = aitrader("batch", "submit", "-", "--json", given=json.dumps(PROBE))
    assert json.loads(answer.stdout)["job_count"] == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "it has none"),
        ('{"job_type": "probe", "payload": {}}\n{', "expected JSON in line 2"),
        ("[1]", "expected a JSON object in line 1"),
    ],
)
def test_file_that_holds_no_jobs_is_refused(aitrader, tmp_path, text, told):
    file = tmp_path / "jobs.jsonl"
    file.write_text(text)
    answer = aitrader("batch", "submit", str(file))
    assert (answer.returncode, told in answer.stderr) == (1, True), answer.stderr


def test_file_that_is_not_there_is_refused(aitrader):
    answer = aitrader("batch", "submit", "nowhere.jsonl")
    assert (answer.returncode, "cannot be read" in answer.stderr) == (1, True)
