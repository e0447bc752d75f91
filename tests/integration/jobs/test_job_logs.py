"""What a job logs while it runs: stored under its lease, seen by its owner, bounded, and free when nothing is said."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
import structlog
from sqlalchemy import event

from backend.core.db import claims, statements
from backend.core.db.sessions import sync_engine
from backend.core.jobs.job import JobSummary
from backend.core.jobs.outcomes import LeaseLost, Outcome
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.submission import submission
from backend.core.logging import configure_logging, get_logger
from backend.services.accounts import create_token, find_user
from backend.settings import Settings
from tests.platform import Platform, finished, submit
from tests.waiting import eventually
from workers.ending import Lease
from workers.runner import Runner
from workers.scribe import Notes


def log_of(client: httpx.Client, job_id: str, **asked: object) -> list[dict[str, object]]:
    answer = client.get(f"/jobs/{job_id}/logs", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["lines"]


def test_lines_of_a_job_are_its_owners_to_read_in_order(platform: Platform, admin: httpx.Client) -> None:
    job = finished(admin, submit(admin, "probe", {"log_lines": 7})["id"])
    lines = log_of(admin, job["id"])
    assert [line["fields"] for line in lines] == [{"number": number, "of": 7} for number in range(7)]
    assert {(line["event"], line["level"], line["attempt"]) for line in lines} == {("probe_line", "info", 1)}
    with platform.client() as stranger:
        assert stranger.get(f"/jobs/{job['id']}/logs").status_code == 404


def test_pages_of_a_log_lead_on_and_miss_nothing(admin: httpx.Client) -> None:
    job = finished(admin, submit(admin, "probe", {"log_lines": 10})["id"])
    path, seen, after = f"/jobs/{job['id']}/logs", [], 0
    while after is not None:
        answer = admin.get(path, params={"limit": 4, "after": after})
        page = answer.json()
        seen += [line["fields"]["number"] for line in page["lines"]]
        after = page["next_after"]
        assert ("Link" in answer.headers) == (after is not None)
    assert seen == list(range(10))


def test_log_can_be_read_as_text_and_by_level_and_attempt(admin: httpx.Client) -> None:
    job = submit(admin, "probe", {"log_lines": 2, "fail_attempts": 1})
    job = finished(admin, job["id"])
    assert job["attempt"] == 2
    assert [line["attempt"] for line in log_of(admin, job["id"])] == [1, 1, 2, 2]
    assert [line["attempt"] for line in log_of(admin, job["id"], attempt=2)] == [2, 2]
    assert log_of(admin, job["id"], level="warning") == []
    text = admin.get(f"/jobs/{job['id']}/logs", params={"format": "text", "attempt": 1})
    assert text.headers["content-type"].startswith("text/plain")
    assert [line.partition("Z ")[2] for line in text.text.splitlines()] == [
        "#1 info     probe_line number=0 of=2",
        "#1 info     probe_line number=1 of=2",
    ]
    assert admin.get(f"/jobs/{job['id']}/logs", params={"level": "loud"}).status_code == 422


def test_lines_show_while_the_job_runs_and_stay_when_its_process_is_killed(
    new_platform: Callable[..., Platform],
) -> None:
    own = new_platform()
    own.start_all(queues="probe")
    with own.client("admin") as admin:
        job = submit(admin, "probe", {"log_lines": 3, "sleep_s": 60}, max_attempts=1)
        eventually(lambda: len(log_of(admin, job["id"])) == 3, what="the lines of a job that runs")
        assert admin.get(f"/jobs/{job['id']}").json()["state"] == "running"
        os.kill(own.rows("SELECT worker_pid FROM jobs WHERE id = %s", job["id"])[0]["worker_pid"], signal.SIGKILL)
        assert finished(admin, job["id"])["error"]["code"] == "worker_lost"
        assert len(log_of(admin, job["id"])) == 3


def test_more_than_a_megabyte_is_dropped_and_counted(platform: Platform, admin: httpx.Client) -> None:
    lines = 20_000
    job = finished(admin, submit(admin, "probe", {"log_lines": lines})["id"], timeout_s=90)
    told = platform.rows(
        "SELECT count(*) AS kept, max(fields::text) FILTER (WHERE event = 'log_truncated') AS dropped,"
        " sum(octet_length(fields::text) + octet_length(event)) AS bytes FROM job_logs WHERE job_id = %s",
        job["id"],
    )[0]
    last = platform.rows("SELECT event, fields FROM job_logs WHERE job_id = %s ORDER BY id DESC LIMIT 1", job["id"])[0]
    assert last["event"] == "log_truncated"
    assert told["kept"] - 1 + last["fields"]["dropped_lines"] == lines
    assert told["bytes"] < 1_000_000


class Bench:
    """A runner in this process, so that a test can say what a handler does and count what is sent to Postgres."""

    def __init__(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        self.platform = platform
        self.settings = Settings(
            database_url=platform.database_url, redis_url=platform.redis_url, AITRADER_DATA_DIR=platform.data_dir
        )
        self.engine = sync_engine(self.settings.database)
        self.runner = Runner(self.settings, worker_id="here")
        self._patch = monkeypatch

    def queue(self) -> str:
        create_token(self.engine, user_name="alice", role="admin")
        with self.engine.begin() as connection:
            user = find_user(connection, "alice")
            row = submission("probe", {}).new_row(user, None)
            job = connection.execute(statements.insert_job(row)).mappings().one()
            connection.execute(statements.open_lane("probe", user.id, None))
        return str(job["id"])

    def run(self, handler: Callable[..., object]) -> dict[str, object]:
        job_id = self.queue()
        self._patch.setattr("workers.fan_out.HANDLERS", {"probe": handler})
        assert self.runner.run_next("probe")
        return self.row(job_id)

    def row(self, job_id: object) -> dict[str, object]:
        return self.platform.rows("SELECT * FROM jobs WHERE id = %s", job_id)[0]

    def claim(self) -> Lease:
        limits = {"at_most": 1, "lease_s": 30, "hard_limit_s": 60}
        asked = {"queue": "probe", "worker_id": "w", "worker_pid": 1, **limits}
        with self.engine.begin() as connection:
            return Lease.of(connection.execute(claims.CLAIM_WAITING, asked).mappings().one())

    def events(self, job_id: object) -> list[str]:
        return [
            row["event"]
            for row in self.platform.rows("SELECT event FROM job_logs WHERE job_id = %s ORDER BY id", job_id)
        ]


@pytest.fixture
def bench(scratch_platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(scratch_platform, monkeypatch)
    configure_logging(bench.settings, service="test")
    yield bench
    structlog.reset_defaults()
    bench.runner.close()
    bench.engine.dispose()


def answer(**outcome: object) -> object:
    return Outcome(JOB_TYPES["probe"].result(attempt=1, slept_s=0.0), **outcome)


def test_job_that_says_nothing_costs_no_statement(bench: Bench) -> None:
    sent: list[str] = []
    for engine in (bench.runner._engine, bench.runner._desk._engine):
        event.listen(engine, "before_cursor_execute", lambda *a: sent.append(a[2]))
    row = bench.run(lambda payload, context: answer())
    assert row["state"] == "succeeded"
    assert sent
    assert not [statement for statement in sent if "job_logs" in statement]
    assert not [thread for thread in threading.enumerate() if thread.name == "scribe"]


def test_lines_of_the_engine_and_of_other_threads_are_the_jobs_and_secrets_are_not(bench: Bench) -> None:
    def handler(payload: object, context: object) -> object:
        get_logger("some.engine").warning("engine_warned", url="https://x.com/?token=abc123", password="p")
        thread = threading.Thread(target=lambda: get_logger("other").info("from_a_thread"))
        thread.start()
        thread.join()
        return answer()

    row = bench.run(handler)
    assert bench.events(row["id"]) == ["engine_warned", "from_a_thread"]
    told = bench.platform.rows("SELECT fields FROM job_logs WHERE job_id = %s AND event = 'engine_warned'", row["id"])
    assert told[0]["fields"] == {"url": "https://x.com/?token=[redacted]", "password": "[redacted]"}


def test_lines_of_an_attempt_that_fails_are_kept(bench: Bench) -> None:
    def handler(payload: object, context: object) -> object:
        context.log.info("before_the_fall")
        raise RuntimeError("fell")

    row = bench.run(handler)
    assert row["state"] == "scheduled"
    assert bench.events(row["id"]) == ["before_the_fall"]


def test_newest_progress_is_written_before_the_end_however_fast_it_came(bench: Bench) -> None:
    def handler(payload: object, context: object) -> object:
        for number in range(100):
            context.progress(number / 200, f"step {number}", done=number)
        raise RuntimeError("fell")

    row = bench.run(handler)
    assert (row["progress"], row["stage"], row["counters"]) == (99 / 200, "step 99", {"done": 99})
    assert row["version"] < 10, "a hundred reports are a handful of writes"


def test_progress_that_came_too_soon_is_written_while_the_handler_goes_on(bench: Bench) -> None:
    def handler(payload: object, context: object) -> object:
        context.progress(0.1, "first")
        context.progress(0.2, "second", rows=5)
        newest = "SELECT 1 FROM jobs WHERE stage = 'second' AND counters = '{\"rows\": 5}' AND state = 'running'"
        eventually(lambda: bench.platform.rows(newest), what="the second report")
        context.progress(0.3, "third", files=1)
        return answer()

    row = bench.run(handler)
    assert (row["progress"], row["counters"]) == (1.0, {"rows": 5, "files": 1})


def test_counter_that_is_no_number_is_a_bug_that_says_so(bench: Bench) -> None:
    row = bench.run(lambda payload, context: context.progress(0.5, rows="many"))
    assert "a counter is a finite number, rows was 'many'" in row["error"]["message"]


def test_summary_is_on_the_row_in_lists_and_gone_after_a_retry(bench: Bench) -> None:
    row = bench.run(lambda payload, context: answer(summary="12 trades,\n+3.4 %"))
    assert row["summary"] == "12 trades, +3.4 %"


def test_worker_whose_lease_was_lost_stores_nothing(bench: Bench) -> None:
    job_id = bench.queue()
    lease = bench.claim()
    told: list[JobSummary] = []
    notes = Notes(bench.engine, lease.job.id, lease.token, told.append, lambda: None)
    bench.platform.rows("UPDATE jobs SET lease_token = gen_random_uuid() WHERE id = %s", job_id)
    notes.hear({"event": "stale", "level": "info"})
    notes.store_lines()
    with pytest.raises(LeaseLost):
        notes.report(0.5, "stale", {})
    assert bench.events(job_id) == []
    assert bench.row(job_id)["stage"] is None
    assert told == []


def test_lines_wait_while_the_database_is_away(bench: Bench) -> None:
    job_id = bench.queue()
    lease = bench.claim()
    away = sync_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    notes = Notes(away, lease.job.id, lease.token, lambda job: None, lambda: None)
    notes.hear({"event": "patient", "level": "info"})
    notes.store_lines()
    notes._engine = bench.engine
    notes.store_lines()
    assert bench.events(job_id) == ["patient"]
