"""Importing price files: what is stored, for whom, and that jobs then use it."""

import io
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.platform import Platform, finished, submit

HEADER = "symbol,date,open,high,low,close,volume\n"
DAYS = [f"2024-01-{day:02d}" for day in range(1, 31)]
LINE = "{symbol},{day},10,{high},9.5,10.25,1000\n"


def prices(symbol: str, days: list[str], *, high: float = 11.0) -> str:
    return HEADER + "".join(LINE.format(symbol=symbol, day=day, high=high) for day in days)


def send(client: httpx.Client, content: str | bytes, content_type: str = "text/csv", **params: str) -> httpx.Response:
    asked = {"timeframe": "1d"} | params
    return client.post("/api/market/import", params=asked, content=content, headers={"Content-Type": content_type})


def imported(answer: httpx.Response) -> dict[str, Any]:
    """Return the one series that an import touched."""
    assert answer.status_code == 200, answer.text
    (series,) = answer.json()["imported"]
    return dict(series)


def as_parquet(symbol: str) -> bytes:
    columns = {
        "symbol": [symbol] * 2,
        "date": pa.array([0, 86_400_000_000_000], pa.timestamp("ns", tz="UTC")),
        **{name: [10.0, 10.5] for name in ("open", "high", "low", "close")},
        "volume": [5.0, 6.0],
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def bars(client: httpx.Client, symbol: str, **params: object) -> dict[str, Any]:
    answer = client.get(f"/api/market/symbols/{symbol}/bars", params=params)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def symbols(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {series["symbol"]: series for series in client.get("/api/market/symbols").json()["symbols"]}


def test_csv_is_stored_and_can_be_read_back(idle_user: httpx.Client) -> None:
    series = imported(send(idle_user, prices("MINE", DAYS)))
    assert (series["symbol"], series["timeframe"], series["source"]) == ("MINE", "1d", "import")
    assert (series["bar_count"], series["revision"], series["is_shared"]) == (30, 1, False)
    assert (series["first_bar"], series["last_bar"]) == ("2024-01-01T00:00:00Z", "2024-01-30T00:00:00Z")
    stored = bars(idle_user, "MINE")
    assert stored["series"] == series == symbols(idle_user)["MINE"]
    first = {"time": "2024-01-01T00:00:00Z", "open": 10, "high": 11, "low": 9.5, "close": 10.25, "volume": 1000}
    assert stored["bars"][0] == first
    assert [bar["time"][:10] for bar in stored["bars"]] == DAYS


@pytest.mark.parametrize(
    "content",
    [
        prices("MINE", DAYS).replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + prices("MINE", DAYS).encode(),
        prices("MINE", DAYS).rstrip("\n").encode(),
        prices("MINE", DAYS[::-1]).encode(),
    ],
    ids=["CRLF", "BOM", "no last newline", "newest first"],
)
def test_csv_as_other_programs_write_it_is_the_same(idle_user: httpx.Client, content: bytes) -> None:
    imported(send(idle_user, content))
    assert [bar["time"][:10] for bar in bars(idle_user, "MINE")["bars"]] == DAYS


def test_form_may_carry_csv_or_parquet(idle_user: httpx.Client) -> None:
    files = {
        "CSVFORM": ("a.csv", prices("CSVFORM", DAYS[:2]), "text/csv"),
        "PQFORM": ("a.parquet", as_parquet("PQFORM"), "application/octet-stream"),
        "PQTYPE": ("a", as_parquet("PQTYPE"), "application/vnd.apache.parquet"),
    }
    for symbol, file in files.items():
        answer = idle_user.post("/api/market/import", params={"timeframe": "1d"}, files={"file": file})
        assert (imported(answer)["symbol"], imported(answer)["bar_count"]) == (symbol, 2)


def test_parquet_may_be_the_body_itself(idle_user: httpx.Client) -> None:
    imported(send(idle_user, as_parquet("RAW"), "application/vnd.apache.parquet"))
    assert [bar["time"] for bar in bars(idle_user, "RAW")["bars"]] == ["1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z"]


def test_second_import_merges_and_raises_the_revision(idle_user: httpx.Client) -> None:
    imported(send(idle_user, prices("MINE", DAYS[:3])))
    series = imported(send(idle_user, prices("MINE", DAYS[2:5], high=12.0)))
    assert (series["revision"], series["bar_count"]) == (2, 5)
    assert [bar["high"] for bar in bars(idle_user, "MINE")["bars"]] == [11, 11, 12, 12, 12]


def test_file_of_many_symbols_touches_each(idle_user: httpx.Client) -> None:
    body = prices("ONE", DAYS[:2]) + prices("TWO", DAYS[:3]).removeprefix(HEADER)
    told = send(idle_user, body).json()["imported"]
    assert {series["symbol"]: series["bar_count"] for series in told} == {"ONE": 2, "TWO": 3}


def test_own_series_is_hidden_from_others_and_hides_the_shared_one(
    idle_platform: Platform, idle_user: httpx.Client
) -> None:
    with idle_platform.client("admin") as admin, idle_platform.client() as stranger:
        shared = imported(send(admin, prices("BOTH", DAYS[:4])))
        assert shared["is_shared"] is True
        assert symbols(idle_user)["BOTH"] == shared
        own = imported(send(idle_user, prices("BOTH", DAYS[:2], high=20.0)))
        imported(send(idle_user, prices("SECRET", DAYS[:2])))
        assert symbols(idle_user)["BOTH"] == own
        assert [bar["high"] for bar in bars(idle_user, "BOTH")["bars"]] == [20, 20]
        for other in (admin, stranger):
            assert symbols(other)["BOTH"] == shared
            assert len(bars(other, "BOTH")["bars"]) == 4
            assert "SECRET" not in symbols(other)
            assert other.get("/api/market/symbols/SECRET/bars").status_code == 404


def test_bars_come_in_pages_and_ranges(idle_user: httpx.Client) -> None:
    imported(send(idle_user, prices("MINE", DAYS)))
    seen: list[str] = []
    start: str | None = "2024-01-03"
    while start is not None:
        page = bars(idle_user, "MINE", start=start, end="2024-01-25T00:00:00Z", limit=4)
        seen += [bar["time"][:10] for bar in page["bars"]]
        start = page["next_start"]
    assert seen == DAYS[2:25]
    assert bars(idle_user, "MINE", start="2025-01-01")["bars"] == []


def test_symbols_come_in_pages(idle_user: httpx.Client) -> None:
    names = [f"PAGE{i}" for i in range(5)]
    for timeframe in ("1d", "1w"):
        body = HEADER + "".join(LINE.format(symbol=name, day="2024-01-01", high=11) for name in names)
        assert send(idle_user, body, timeframe=timeframe).status_code == 200
    seen: list[tuple[str, str]] = []
    after: str | None = "PAGE"
    while after is not None:
        page = idle_user.get("/api/market/symbols", params={"after": after, "limit": 3}).json()
        seen += [(series["symbol"], series["timeframe"]) for series in page["symbols"]]
        after = page["next_after"]
    expected = [(name, timeframe) for name in names for timeframe in ("1d", "1w")]
    assert [found for found in seen if found[0].startswith("PAGE")] == expected


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("NOPE/bars", 404),
        ("A%20B/bars", 422),
        ("A..B/bars", 422),
        ("A%00/bars", 422),
        ("MINE/bars?timeframe=2d", 422),
        ("MINE/bars?limit=0", 422),
        ("MINE/bars?start=soon", 422),
        ("NOPE/bars?start=0001-01-01T00:00:00%2B14:00&end=9999-12-31T23:59:59-14:00", 404),
    ],
)
def test_bars_that_cannot_be_are_refused(idle_user: httpx.Client, path: str, status: int) -> None:
    assert idle_user.get(f"/api/market/symbols/{path}").status_code == status


def test_range_at_the_ends_of_the_calendar_is_only_a_range(idle_user: httpx.Client) -> None:
    imported(send(idle_user, prices("MINE", DAYS)))
    wide = {"start": "0001-01-01T00:00:00+14:00", "end": "9999-12-31T23:59:59-14:00"}
    assert len(bars(idle_user, "MINE", **wide)["bars"]) == 30


def test_backtest_on_imported_bars_says_so(user: httpx.Client) -> None:
    imported(send(user, prices("HOMEMADE", DAYS)))
    payload = {"symbols": ["HOMEMADE"], "strategy": {"kind": "buy_and_hold"}}
    job = finished(user, submit(user, "backtest", payload)["id"])
    assert job["state"] == "succeeded", job["error"]
    assert job["result"]["source"] == "import"
    (used,) = job["result"]["provenance"]["bars"]
    assert (used["symbol"], used["source"], used["revision"], used["bar_count"]) == ("HOMEMADE", "import", 1, 30)
