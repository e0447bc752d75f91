"""Artifacts: one content in three formats."""

import csv
import io
import json

import httpx
import pyarrow.parquet as pq
import pytest

from tests.integration.api.test_jobs import SCAN
from tests.integration.test_pipeline import BACKTEST
from tests.platform import finished, submit

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


@pytest.mark.parametrize("name", ["trades", "equity"])
def test_formats_have_equal_content(user: httpx.Client, name: str) -> None:
    job = finished(user, submit(user, "backtest", BAR_BY_BAR)["id"])
    assert name in job["result"]["artifacts"]
    as_json, as_csv, as_parquet = download(user, job["id"], name)
    assert len(as_json) == len(as_csv) == len(as_parquet) > 3
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
