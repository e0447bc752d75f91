"""Artifacts: one content in three formats."""

import csv
import io
import json

import httpx
import pyarrow.parquet as pq
import pytest

from tests.integration.api.test_jobs import SCAN
from tests.integration.test_pipeline import BACKTEST
from tests.platform import Platform, finished, submit

BAR_BY_BAR = BACKTEST | {"start": "2010-01-01"}
WITHOUT_TRADES = BACKTEST | {"start": "2013-02-20"}


def download(client: httpx.Client, job_id: str, name: str) -> tuple[list[dict[str, object]], ...]:
    """Return an artifact's rows as JSON, as CSV and as Parquet have them."""
    answers = {
        form: client.get(f"/jobs/{job_id}/artifacts/{name}", params={"format": form})
        for form in ("json", "csv", "parquet")
    }
    for form, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{job_id}-{name}.{form}"'
    assert answers["json"].headers["Content-Type"] == "application/json"
    assert answers["csv"].headers["Content-Type"].startswith("text/csv")
    assert answers["parquet"].headers["Content-Type"] == "application/vnd.apache.parquet"
    as_csv = list(csv.DictReader(io.StringIO(answers["csv"].text)))
    return answers["json"].json(), as_csv, pq.read_table(io.BytesIO(answers["parquet"].content)).to_pylist()


def as_text(value: object) -> str:
    return "" if value is None else str(value)


@pytest.mark.parametrize("name", ["trades", "equity", "drawdowns", "monthly_returns", "by_year", "by_regime"])
def test_formats_have_equal_content(user: httpx.Client, name: str) -> None:
    job = finished(user, submit(user, "backtest", BAR_BY_BAR)["id"])
    assert name in job["result"]["artifacts"]
    as_json, as_csv, as_parquet = download(user, job["id"], name)
    assert len(as_json) == len(as_csv) == len(as_parquet) > 2
    for row, texts, stored in zip(as_json, as_csv, as_parquet, strict=True):
        assert {column: as_text(value) for column, value in row.items()} == texts
        for column, value in row.items():
            if column.endswith("time"):
                assert str(stored[column])[:19].replace(" ", "T") + "Z" == value
            elif isinstance(value, float):
                assert stored[column] == value


def test_artifact_without_rows_still_has_its_columns(user: httpx.Client) -> None:
    job = finished(user, submit(user, "backtest", WITHOUT_TRADES)["id"])
    assert (job["state"], job["result"]["trade_count"]) == ("succeeded", 0), job["error"]
    path = f"/jobs/{job['id']}/artifacts/trades"
    assert user.get(path).json() == []
    header = user.get(path, params={"format": "csv"}).text
    stored = pq.read_table(io.BytesIO(user.get(path, params={"format": "parquet"}).content))
    assert header == ",".join(stored.column_names) + "\n"
    assert "entry_time" in stored.column_names


def test_tearsheet_is_a_page_that_a_browser_shows_and_keeps_in_a_sandbox(user: httpx.Client) -> None:
    job = finished(user, submit(user, "backtest", BACKTEST)["id"])
    assert job["result"]["artifacts"][-1] == "tearsheet"
    path = f"/jobs/{job['id']}/artifacts/tearsheet"
    answer = user.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{job["id"]}-tearsheet.html"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    policy = {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")}
    assert {"sandbox allow-scripts", "default-src 'none'", "form-action 'none'"} <= policy
    assert "AAPL 1d: sma_cross" in answer.text
    assert job["result"]["provenance"]["data_fingerprint"] in answer.text
    assert user.get(path, params={"format": "html"}).content == answer.content


def test_tearsheet_of_the_same_backtest_is_the_same_bytes(user: httpx.Client) -> None:
    jobs = [submit(user, "backtest", BACKTEST, reuse="never") for _ in range(2)]
    pages = [user.get(f"/jobs/{finished(user, job['id'])['id']}/artifacts/tearsheet").content for job in jobs]
    assert pages[0] == pages[1]


def test_brief_backtest_stores_trades_and_equity_alone(user: httpx.Client) -> None:
    full, brief = (
        finished(user, submit(user, "backtest", BACKTEST | {"detail": detail})["id"]) for detail in ("full", "brief")
    )
    tables = ["trades", "equity", "rejections", "drawdowns", "monthly_returns", "by_year", "by_regime"]
    assert full["result"]["artifacts"] == [*tables, "tearsheet"]
    assert brief["result"]["artifacts"] == ["trades", "equity"]
    assert brief["result"]["metrics"] == full["result"]["metrics"] | {
        "risk_of_ruin": brief["result"]["metrics"]["risk_of_ruin"]  # drawn by the seed of its own payload
    }
    job = brief
    assert user.get(f"/jobs/{job['id']}/artifacts/tearsheet").status_code == 404


@pytest.mark.parametrize(("name", "form"), [("tearsheet", "csv"), ("tearsheet", "parquet"), ("trades", "html")])
def test_format_that_an_artifact_does_not_have_is_refused(user: httpx.Client, name: str, form: str) -> None:
    job = finished(user, submit(user, "backtest", BACKTEST)["id"])
    answer = user.get(f"/jobs/{job['id']}/artifacts/{name}", params={"format": form})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "query.format")
    expected = "html" if name == "tearsheet" else "json, csv or parquet"
    assert answer.json()["detail"] == f"artifact {name!r} comes as {expected}"


def test_tearsheet_of_another_user_is_not_found(user: httpx.Client, platform: Platform) -> None:
    job = finished(user, submit(user, "backtest", BACKTEST)["id"])
    with platform.client() as stranger:
        assert stranger.get(f"/jobs/{job['id']}/artifacts/tearsheet").status_code == 404


def test_risk_of_ruin_is_among_the_figures(user: httpx.Client) -> None:
    job = finished(user, submit(user, "backtest", BACKTEST)["id"])
    assert 0.0 <= job["result"]["metrics"]["risk_of_ruin"] <= 1.0


@pytest.mark.parametrize("name", ["nothing", "profit_and_loss"])
def test_unknown_artifact_is_not_found(user: httpx.Client, name: str) -> None:
    job = finished(user, submit(user, "pattern_scan", SCAN)["id"])
    answer = user.get(f"/jobs/{job['id']}/artifacts/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("name", "form"), [("Trades", "json"), ("a.b", "json"), ("x" * 41, "json"), ("trades", "xml")])
def test_name_or_format_that_cannot_be_is_refused(idle_user: httpx.Client, name: str, form: str) -> None:
    job = submit(idle_user, "pattern_scan", SCAN)
    answer = idle_user.get(f"/jobs/{job['id']}/artifacts/{name}", params={"format": form})
    assert answer.status_code == 422
    assert json.loads(answer.text)["code"] == "invalid_request"
