import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from aitrader.client import (
    Client,
    Conflict,
    Forbidden,
    InvalidRequest,
    JobFailed,
    NotFound,
    Unauthenticated,
    WaitTimeout,
)
from market_data.bars import Bars

BACKTEST = {
    "symbols": ["AAPL"],
    "start": "2000-03-01",
    "end": "2013-03-01",
    "strategy": {"kind": "sma_cross", "fast": 10, "slow": 30},
    "costs": {"commission_rate": 0.001},
}
CSV = "symbol,date,open,high,low,close,volume\nZZZ,2020-01-02,10,12,9,11,100\nZZZ,2020-01-03,11,13,10,12,200\n"


def in_an_hour():
    return datetime.now(UTC) + timedelta(hours=1)


def test_a_backtest_is_reproduced(client):
    first = client.submit("backtest", BACKTEST).wait()
    again = first.reproduce().wait()
    assert again.record.reproduces == first.id != again.id
    assert again.result["reproduction"]["matches"] is True
    with pytest.raises(Conflict, match="only a succeeded job"):
        client.submit("backtest", BACKTEST, run_at=in_an_hour()).reproduce()


def test_one_line_gives_the_result(client):
    assert client.submit("backtest", BACKTEST).wait().result["source"] == "sample"


def test_trades_and_equity_are_frames_that_agree_with_the_metrics(client):
    job = client.submit("backtest", BACKTEST).wait()
    metrics = job.result["metrics"]
    assert len(job.trades) == job.result["trade_count"]
    assert 10_000 + job.trades["pnl"].sum() == pytest.approx(metrics["final_equity"])
    assert job.equity["equity"].iloc[-1] == metrics["final_equity"]
    assert str(job.trades["entry_time"].dt.tz) == "UTC"


def test_tearsheet_is_a_page_and_rows_come_as_files(client):
    job = client.submit("backtest", BACKTEST).wait()
    assert job.tearsheet.startswith("<!doctype html>")
    assert job.download("monthly_returns", "csv").startswith(b"year,month,return_frac,bars\n2000,3,")
    assert job.download("drawdowns").startswith(b'[{"peak_time": "20')
    assert job.artifact("by_year")["label"].iloc[0] == "2000"
    with pytest.raises(InvalidRequest, match="comes as html"):
        job.download("tearsheet", "csv")


def test_changes_are_told_on_the_way(admin_client):
    seen = []
    job = admin_client.submit("probe", {"sleep_s": 0.5, "steps": 2})
    job.wait(on_change=lambda changed: seen.append(changed.state))
    assert seen[-1] == "succeeded"
    assert "running" in seen


def test_same_key_gives_the_same_job_and_another_body_is_refused(client):
    key = uuid.uuid4().hex
    first, second = (client.submit("backtest", BACKTEST, idempotency_key=key) for _ in range(2))
    assert first.id == second.id
    with pytest.raises(InvalidRequest) as caught:
        client.submit("backtest", BACKTEST | {"symbols": ["IBM"]}, idempotency_key=key)
    assert caught.value.code == "idempotency_key_reused"


def test_failed_job_tells_why_and_can_be_tried_again(admin_client):
    job = admin_client.submit("probe", {"fail_attempts": 1, "fail_with": "invalid"})
    with pytest.raises(JobFailed, match="told to be invalid"):
        job.wait()
    assert job.retry().wait().state == "succeeded"
    assert [attempt.outcome for attempt in job.attempts()] == ["failed", "succeeded"]


def test_scheduled_job_can_be_cancelled_and_cannot_succeed_any_more(client):
    job = client.submit("backtest", BACKTEST, run_at=in_an_hour(), priority=0, max_attempts=1)
    assert (job.state, job.record.priority, job.record.max_attempts) == ("scheduled", 0, 1)
    with pytest.raises(WaitTimeout):
        job.wait(0.2)
    assert job.cancel().state == "cancelled"
    assert job.cancel().state == "cancelled"
    assert job.wait(raise_on_failure=False).state == "cancelled"


def test_finished_job_cannot_be_cancelled(client):
    job = client.submit("backtest", BACKTEST).wait()
    with pytest.raises(Conflict, match="only an unfinished job"):
        job.cancel()


def test_jobs_are_listed_newest_first_by_state_and_type(client):
    first = client.submit("backtest", BACKTEST).wait()
    second = client.submit("pattern_scan", {"symbols": ["IBM"]}, run_at=in_an_hour())
    assert [job.id for job in client.jobs()] == [second.id, first.id]
    assert [job.id for job in client.jobs(state="scheduled")] == [second.id]
    assert [job.id for job in client.jobs(job_type="backtest", limit=1)] == [first.id]
    assert client.job(first.id).result == first.result


def test_jobs_of_others_are_seen_by_admins_alone(client, admin_client):
    job = client.submit("pattern_scan", {"symbols": ["IBM"]}, run_at=in_an_hour())
    with pytest.raises(NotFound):
        admin_client.job(job.id)
    assert admin_client.job(job.id, all_users=True).cancel().state == "cancelled"
    assert job.id in {found.id for found in admin_client.jobs(all_users=True)}
    with pytest.raises(Forbidden):
        client.jobs(all_users=True)


def test_invalid_payload_says_where(client):
    with pytest.raises(InvalidRequest) as caught:
        client.submit("backtest", BACKTEST | {"symbols": []})
    assert [problem.path for problem in caught.value.problems] == ["payload.symbols"]


def test_bad_token_is_refused(platform):
    with Client(platform.url, "ait_nobody") as stranger, pytest.raises(Unauthenticated):
        stranger.jobs()


def test_imported_file_is_listed_and_comes_back_as_bars(client, tmp_path):
    (tmp_path / "zzz.csv").write_text(CSV)
    (imported,) = client.import_file(tmp_path / "zzz.csv", timeframe="1d")
    assert (imported.symbol, imported.bar_count, imported.is_shared) == ("ZZZ", 2, False)
    assert "ZZZ" in {series.symbol for series in client.symbols()}
    frame = client.bars("ZZZ", start=date(2020, 1, 3))
    assert frame["close"].tolist() == [12.0]
    assert len(Bars.from_pandas(client.bars("ZZZ"), symbol="ZZZ", timeframe="1d")) == 2


def test_bad_file_is_refused_with_its_line(client, tmp_path):
    (tmp_path / "bad.csv").write_text(CSV + "ZZZ,2020-01-04,11,9,10,12,200\n")
    with pytest.raises(InvalidRequest, match="line 4"):
        client.import_file(tmp_path / "bad.csv", timeframe="1d")


def test_catalogue_tells_what_can_be_asked(client):
    catalogue = client.catalogue()
    assert {"backtest", "pattern_scan"} <= {entry.job_type for entry in catalogue.job_types}
    assert "sma_cross" in {entry.kind for entry in catalogue.strategies}
    assert len(catalogue.patterns) > 50
