"""Every command as a person types it: what it prints where, and its exit code."""

import json
import os

import pytest

from aitrader import __version__
from tests.integration.jobs.test_backtests import EVERYTHING
from tests.platform import free_port

CSV = "symbol,date,open,high,low,close,volume\nYYY,2020-01-02,10,12,9,11,100\n"
BACKTEST_AGAIN = '{"symbols": ["IBM"], "start": "2003-01-01", "strategy": {"kind": "sma_cross"}}'


def test_version_is_printed(aitrader_process):
    answer = aitrader_process("--version")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, f"aitrader {__version__}\n", "")


def test_help_loads_nothing_heavy(aitrader_process):
    answer = aitrader_process("--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}
    assert "aitrader.commands.jobs" in loaded
    assert loaded.isdisjoint({"httpx", "pydantic", "sqlalchemy", "redis", "pandas", "numpy", "rich.console", "asyncio"})


def test_submit_prints_the_id_alone(aitrader):
    answer = aitrader("submit", "probe", "--payload", "{}")
    assert answer.returncode == 0
    assert len(answer.stdout.strip()) == 36
    assert "accepted" in answer.stderr


def test_submit_and_wait_prints_json_alone_and_plain_lines_beside_it(aitrader_process):
    answer = aitrader_process(
        "submit", "probe", "--payload", "@-", "--wait", "--json", given='{"steps": 2, "sleep_s": 0.3}'
    )
    job = json.loads(answer.stdout)
    assert (answer.returncode, job["state"], job["result"]["slept_s"]) == (0, "succeeded", 0.3)
    assert f"probe {job['id']} succeeded" in answer.stderr
    assert "\x1b" not in answer.stderr + answer.stdout


def test_submit_and_wait_for_a_job_that_fails_exits_with_1(aitrader, tmp_path):
    (tmp_path / "p.json").write_text('{"fail_attempts": 9, "fail_with": "invalid"}')
    answer = aitrader("submit", "probe", "--payload", f"@{tmp_path / 'p.json'}", "--wait")
    assert answer.returncode == 1
    assert "state      failed" in answer.stdout
    assert answer.stderr.splitlines()[-1].endswith("the probe was told to be invalid (probe_invalid)")


def test_submit_stops_waiting_at_the_timeout(aitrader):
    answer = aitrader("submit", "probe", "--payload", '{"sleep_s": 5}', "--wait", "--timeout", "0.2")
    assert answer.returncode == 1
    assert "goes on" in answer.stderr.splitlines()[-1]


def test_artifacts_are_written_in_the_format_of_the_file_or_printed(aitrader, tmp_path):
    job = aitrader("submit", "backtest", "--payload", BACKTEST_AGAIN.replace("2003", "2005"), "--wait", "--json")
    job_id = json.loads(job.stdout)["id"]
    page, rows = tmp_path / "backtest.html", tmp_path / "years.csv"
    told = aitrader("jobs", "artifact", job_id, "tearsheet", "--out", str(page))
    assert (told.returncode, told.stdout) == (0, "")
    assert f"{page}: {page.stat().st_size:,} bytes" in told.stderr
    assert page.read_text().startswith("<!doctype html>")
    assert aitrader("jobs", "artifact", job_id, "by_year", "--out", str(rows)).returncode == 0
    assert rows.read_text().startswith("label,bars,return_frac")
    printed = aitrader("jobs", "artifact", job_id, "by_year", "--format", "csv")
    assert printed.stdout == rows.read_text()
    refused = aitrader("jobs", "artifact", job_id, "trades", "--out", str(page))
    assert refused.returncode == 1
    assert "comes as json, csv or parquet" in refused.stderr
    nowhere = aitrader("jobs", "artifact", job_id, "tearsheet", "--out", str(tmp_path / "none" / "page.html"))
    assert nowhere.returncode == 1
    assert "cannot be written" in nowhere.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["submit", "probe", "--payload", '{"steps": }'], 1, "line 1, column 11"),
        (["submit", "probe", "--payload", '{"steps": 0}'], 1, "payload.steps: Input should be greater than"),
        (["submit", "nonsense", "--payload", "{}"], 1, "job_type"),
        (["submit", "probe"], 2, "--payload"),
        (["submit", "probe", "--payload", "{}", "--timeout", "3"], 2, "--timeout needs --wait"),
        (["submit", "probe", "--payload", "{}", "--run-at", "soon"], 2, "expected a time such as"),
        (["jobs", "show", "11111111-1111-1111-1111-111111111111"], 1, "there is no job"),
        (["data", "import", "no-such.csv", "--timeframe", "1d"], 1, "No such file"),
        (["frobnicate"], 2, "No such command"),
    ],
)
def test_expected_errors_are_one_line_and_an_exit_code(aitrader, arguments, code, expected):
    answer = aitrader(*arguments)
    assert (answer.returncode, answer.stdout) == (code, "")
    assert expected in answer.stderr
    assert "Traceback" not in answer.stderr
    assert code != 1 or len(answer.stderr.splitlines()) == 1


def test_wrong_token_no_server_and_no_stack_are_one_line_each(aitrader):
    answers = [
        aitrader("jobs", "list", AITRADER_TOKEN="ait_0123456789abcdef_no"),
        aitrader("jobs", "list", AITRADER_URL=f"http://127.0.0.1:{free_port()}"),
        aitrader("jobs", "list", AITRADER_URL=""),
    ]
    assert [answer.returncode for answer in answers] == [1, 1, 1]
    for answer, expected in zip(
        answers, ("not known, or was revoked", "cannot reach", "no stack runs on"), strict=True
    ):
        assert expected in answer.stderr
        assert len(answer.stderr.splitlines()) == 1


def test_jobs_are_listed_cancelled_retried_and_shown(aitrader):
    job_id = aitrader("submit", "probe", "--payload", "{}", "--run-at", "2999-01-01T00:00:00").stdout.strip()
    listed = json.loads(aitrader("jobs", "list", "--state", "scheduled", "--type", "probe", "--json").stdout)
    assert job_id in {job["id"] for job in listed}
    assert job_id in aitrader("jobs", "list", "--limit", "200").stdout
    assert aitrader("jobs", "cancel", job_id).stdout == f"{job_id} cancelled\n"
    assert aitrader("jobs", "retry", job_id).stdout == f"{job_id} queued\n"
    assert f"id         {job_id}" in aitrader("jobs", "show", job_id).stdout
    assert json.loads(aitrader("jobs", "show", job_id, "--json").stdout)["payload"]["steps"] == 1


def test_log_of_a_job_is_printed_and_followed_to_its_end(aitrader):
    job_id = aitrader("submit", "probe", "--payload", '{"log_lines": 2, "sleep_s": 1}').stdout.strip()
    followed = aitrader("jobs", "logs", job_id, "--follow")
    assert [line.partition("info")[2].split() for line in followed.stdout.splitlines()] == [
        ["probe_line", "number=0", "of=2"],
        ["probe_line", "number=1", "of=2"],
    ]
    assert followed.stderr == "succeeded\n"
    told = [json.loads(line) for line in aitrader("jobs", "logs", job_id, "--json").stdout.splitlines()]
    assert [line["fields"]["number"] for line in told] == [0, 1]
    assert aitrader("jobs", "logs", job_id, "--level", "error").stdout == ""
    assert "slept 1 s in 1 steps" in aitrader("jobs", "list", "--type", "probe").stdout


def test_same_backtest_is_answered_by_the_earlier_one_unless_it_shall_run(aitrader):
    asked = ("submit", "backtest", "--payload", BACKTEST_AGAIN, "--wait", "--json")
    first = json.loads(aitrader(*asked).stdout)
    again = json.loads(aitrader(*asked).stdout)
    anew = json.loads(aitrader(*asked, "--no-reuse").stdout)
    assert (again["reused_from"], anew["reused_from"]) == (first["id"], None)
    assert first["id"] in aitrader("jobs", "show", again["id"]).stdout


def test_backtest_with_everything_is_submitted_from_a_file(aitrader, tmp_path):
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(EVERYTHING))
    answer = aitrader("submit", "backtest", "--payload", f"@{file}", "--wait", "--json")
    assert answer.returncode == 0, answer.stderr
    assert [used["symbol"] for used in json.loads(answer.stdout)["result"]["provenance"]["bars"]] == ["AAPL", "IBM"]
    file.write_text(json.dumps(EVERYTHING | {"sizing": {"kind": "fixed_units", "units": -1}}))
    refused = aitrader("submit", "backtest", "--payload", f"@{file}")
    assert refused.returncode == 1
    assert "payload.sizing.fixed_units.units" in refused.stderr


def test_backtest_is_reproduced_and_a_difference_is_an_error(aitrader, platform):
    payload = '{"symbols": ["IBM"], "detail": "brief", "strategy": {"kind": "macd"}}'
    first = json.loads(aitrader("submit", "backtest", "--payload", payload, "--wait", "--json").stdout)
    started = aitrader("jobs", "reproduce", first["id"])
    assert started.stdout.split()[1] == "queued"
    same = aitrader("jobs", "reproduce", first["id"], "--wait")
    assert (same.returncode, same.stderr.splitlines()[-1]) == (0, f"the same bytes as job {first['id']}")
    assert f"reproduces {first['id']}" in same.stdout
    platform.rows("UPDATE jobs SET result = jsonb_set(result, '{metrics,sharpe}', '9.5') WHERE id = %s", first["id"])
    other = aitrader("jobs", "reproduce", first["id"], "--wait", "--json")
    assert other.returncode == 1
    assert "metrics.sharpe was 9.5, is " in other.stderr
    assert json.loads(other.stdout)["result"]["reproduction"]["matches"] is False
    assert aitrader("jobs", "reproduce", json.loads(other.stdout)["id"], "--timeout", "1").returncode == 2


def test_data_is_imported_and_listed_and_a_bad_line_is_named(aitrader, tmp_path):
    (tmp_path / "good.csv").write_text(CSV)
    (tmp_path / "bad.csv").write_text(CSV + "YYY,2020-01-03,10,12,9,eleven,100\n")
    imported = aitrader("data", "import", str(tmp_path / "good.csv"), "--timeframe", "1d", "--json")
    assert json.loads(imported.stdout)[0]["bar_count"] == 1
    refused = aitrader("data", "import", str(tmp_path / "bad.csv"), "--timeframe", "1d")
    assert refused.returncode == 1
    assert "line 3" in refused.stderr
    assert "YYY" in aitrader("data", "list").stdout


def test_tokens_are_created_listed_and_revoked(aitrader, platform):
    database = {"DATABASE_URL": platform.database_url}
    made = aitrader("token", "create", "--user", "carol", "--role", "premium", **database)
    token = made.stdout.strip()
    assert (made.returncode, made.stdout) == (0, f"{token}\n")
    mine = {"AITRADER_TOKEN": token}
    assert aitrader("jobs", "list", **mine).returncode == 0
    token_id = token.split("_")[1]
    records = json.loads(aitrader("token", "list", "--json", **database).stdout)
    assert ("carol", "premium") in {(record["user"], record["role"]) for record in records if record["id"] == token_id}
    assert token.split("_", 2)[2] not in json.dumps(records)
    assert aitrader("token", "revoke", token_id, **database).returncode == 0
    assert aitrader("jobs", "list", **mine).returncode == 1
    assert "no token with the id" in aitrader("token", "revoke", token_id, **database).stderr


def test_migrating_a_migrated_database_changes_nothing(aitrader, platform):
    answer = aitrader("migrate", DATABASE_URL=platform.database_url)
    assert (answer.returncode, answer.stdout) == (0, "")
    assert "the newest" in answer.stderr


def test_database_that_is_not_there_is_told_without_its_password(aitrader):
    answers = [
        aitrader("token", "list"),
        aitrader("token", "list", DATABASE_URL=f"postgresql://me:s3cret@127.0.0.1:{free_port()}/x"),
        aitrader("migrate", DATABASE_URL="mysql://me:s3cret@somewhere/x"),
    ]
    assert [answer.returncode for answer in answers] == [1, 1, 1]
    assert "no database is known" in answers[0].stderr
    assert "the database did not do as asked" in answers[1].stderr
    assert "must begin with postgres" in answers[2].stderr
    for answer in answers:
        assert "s3cret" not in answer.stderr
        assert len(answer.stderr.splitlines()) == 1


def test_status_and_doctor_find_all_well(aitrader, platform):
    servers = {"DATABASE_URL": platform.database_url, "REDIS_URL": platform.redis_url}
    status = aitrader("status", "--json")
    assert (status.returncode, json.loads(status.stdout)["health"]["db"]["status"]) == (0, "ok")
    doctor = aitrader("doctor", "--json", **servers)
    checks = {check["name"]: check["outcome"] for check in json.loads(doctor.stdout)["checks"]}
    assert doctor.returncode == 0, doctor.stdout
    assert {checks[name] for name in ("postgres", "redis", "api", "workers", "relay", "probe job")} == {"ok"}
    assert (checks["data folder"], checks["stack"]) == ("skipped", "skipped")


def test_status_and_doctor_say_what_to_do_when_nothing_runs(aitrader):
    status = aitrader("status", AITRADER_URL="")
    assert status.returncode == 1
    assert "start one with `aitrader up`" in status.stdout
    doctor = aitrader("doctor", AITRADER_URL="")
    assert doctor.returncode == 1
    assert "failed   stack: no stack runs on" in doctor.stdout
    assert "-> start it with `aitrader up`" in doctor.stdout


def test_logs_are_printed_from_the_end_and_an_unknown_one_is_named(aitrader, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "api.log").write_text("one\ntwo\nthree\n")
    (tmp_path / "logs" / "relay.log").write_text("four\n")
    assert aitrader("logs", "api", "--lines", "2", "--data-dir", str(tmp_path)).stdout == "two\nthree\n"
    assert aitrader("logs", "--lines", "1", "--data-dir", str(tmp_path)).stdout == "[api] three\n[relay] four\n"
    unknown = aitrader("logs", "apo", "--data-dir", str(tmp_path))
    assert (unknown.returncode, unknown.stderr) == (1, "error: there is no log of 'apo'; there are api, relay\n")
    assert "was `aitrader up` ever run there" in aitrader("logs", "--data-dir", str(tmp_path / "none")).stderr


def test_data_folder_that_is_a_file_is_refused(aitrader):
    answer = aitrader("status", "--data-dir", os.devnull)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "expected a data folder of this user, /dev/null is not" in answer.stderr
