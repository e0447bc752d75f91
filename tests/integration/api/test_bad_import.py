"""Files that are not imported: refused whole, with the line that is wrong, and nothing is left behind."""

import tempfile
from pathlib import Path

import httpx
import pytest

from tests.integration.api.problems import problem
from tests.integration.api.test_import import DAYS, HEADER, as_parquet, prices, send
from tests.platform import Platform
from tests.waiting import eventually

GOOD = "BAD,2024-01-01,10,11,9,10,5\n"
TABLES = "SELECT (SELECT count(*) FROM bar_series) AS series, (SELECT count(*) FROM bars) AS bars"


def temporary_files() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("aitrader-import-*"))


def row(text: str) -> bytes:
    """Return a file whose second row is that text, behind a good one."""
    return (HEADER + GOOD + text + "\n").encode()


BAD_FILES: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n\n",
    "header only": HEADER.encode(),
    "no header": GOOD.encode() * 3,
    "missing column": b"symbol,date,open,high,low,close\nBAD,2024-01-01,10,11,9,10\n",
    "column twice": HEADER.replace("volume", "close").encode() + GOOD.encode(),
    "unknown column": HEADER.replace("volume", "mood").encode() + GOOD.encode(),
    "time twice": row("BAD,2024-01-01,10,11,9,10,5"),
    "too few fields": row("BAD,2024-01-02,10,11,9,10"),
    "too many fields": row("BAD,2024-01-02,10,11,9,10,5,6"),
    "high below low": row("BAD,2024-01-02,10,9,11,10,5"),
    "close above high": row("BAD,2024-01-02,10,11,9,12,5"),
    "negative price": row("BAD,2024-01-02,-10,11,-11,10,5"),
    "zero price": row("BAD,2024-01-02,0,11,0,10,5"),
    "negative volume": row("BAD,2024-01-02,10,11,9,10,-5"),
    "NaN": row("BAD,2024-01-02,nan,11,9,10,5"),
    "infinity": row("BAD,2024-01-02,10,inf,9,10,5"),
    "1e999": row("BAD,2024-01-02,10,1e999,9,10,5"),
    "no price": row("BAD,2024-01-02,,11,9,10,5"),
    "word for a price": row("BAD,2024-01-02,ten,11,9,10,5"),
    "no date": row("BAD,,10,11,9,10,5"),
    "date that is not": row("BAD,2024-02-30,10,11,9,10,5"),
    "date before all": row("BAD,0001-01-01,10,11,9,10,5"),
    "date after all": row("BAD,9999-12-31,10,11,9,10,5"),
    "word for a date": row("BAD,yesterday,10,11,9,10,5"),
    "time in a daily file": row("BAD,2024-01-02T10:30:00Z,10,11,9,10,5"),
    "path for a symbol": row("../BAD,2024-01-02,10,11,9,10,5"),
    "no symbol": row(",2024-01-02,10,11,9,10,5"),
    "long symbol": row("B" * 33 + ",2024-01-02,10,11,9,10,5"),
    "raw NUL": row("BAD\0,2024-01-02,10,11,9,10,5"),
    "latin-1": row("B\xc4D,2024-01-02,10,11,9,10,5").decode().encode("latin-1"),
    "utf-16": (HEADER + GOOD).encode("utf-16"),
    "open quote": row('"BAD,2024-01-02,10,11,9,10,5'),
    "parquet, they said": as_parquet("BAD"),
    "web page": b"<!doctype html><title>404</title>",
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES)
def test_bad_csv_is_refused_whole(idle_platform: Platform, idle_user: httpx.Client, content: bytes) -> None:
    before = idle_platform.rows(TABLES)
    document = problem(send(idle_user, content), 422)
    assert document["code"] in {"import_refused", "invalid_symbol"}
    assert idle_platform.rows(TABLES) == before
    eventually(lambda: not temporary_files(), what="the end of temporary files")


def test_refusal_names_the_line(idle_user: httpx.Client) -> None:
    document = problem(send(idle_user, row("BAD,2024-01-02,10,9,11,10,5")), 422, "import_refused")
    assert str(document["detail"]).startswith("line 3: ")
    twice = problem(send(idle_user, row("BAD,2024-01-01,10,11,9,10,5")), 422, "import_refused")
    assert str(twice["detail"]).startswith("line 3: ")
    assert "line 2" in str(twice["detail"])


def test_bad_file_leaves_an_earlier_series_as_it_was(idle_user: httpx.Client) -> None:
    send(idle_user, prices("KEPT", DAYS))
    path = "/api/market/symbols/KEPT/bars"
    before = idle_user.get(path).json()
    problem(send(idle_user, prices("KEPT", DAYS, high=50.0) + "KEPT,2024-01-31,1,2,3,4,5\n"), 422)
    assert idle_user.get(path).json() == before


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 100, prices("BAD", DAYS).encode()])
def test_bad_parquet_is_refused(idle_platform: Platform, idle_user: httpx.Client, content: bytes) -> None:
    before = idle_platform.rows(TABLES)
    problem(send(idle_user, content, "application/vnd.apache.parquet"), 422, "import_refused")
    assert idle_platform.rows(TABLES) == before


@pytest.mark.parametrize("timeframe", ["2d", "", "1D", "daily"])
def test_unknown_timeframe_is_refused(idle_user: httpx.Client, timeframe: str) -> None:
    problem(send(idle_user, prices("BAD", DAYS), timeframe=timeframe), 422, "invalid_request")


def test_timeframe_must_be_said(idle_user: httpx.Client) -> None:
    answer = idle_user.post("/api/market/import", content=prices("BAD", DAYS), headers={"Content-Type": "text/csv"})
    problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("content_type", ["application/json", "", "image/png", "multipart/mixed"])
def test_other_content_types_are_refused(idle_user: httpx.Client, content_type: str) -> None:
    problem(send(idle_user, prices("BAD", DAYS), content_type), 422, "invalid_request")


def test_form_must_be_one_with_a_file(idle_user: httpx.Client) -> None:
    path, params = "/api/market/import", {"timeframe": "1d"}
    file = ("a.csv", prices("BAD", DAYS), "text/csv")
    problem(idle_user.post(path, params=params, files={"data": file}), 422)
    two = idle_user.post(path, params=params, files=[("file", file), ("file", file)])
    assert two.headers["Content-Type"] == "application/problem+json"
    assert two.status_code in {400, 422}
    problem(send(idle_user, b"not a form", "multipart/form-data"), 400, "bad_request")
    problem(send(idle_user, b"not a form", "multipart/form-data; boundary=x"), 400, "bad_request")
