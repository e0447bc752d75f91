"""Bodies of `POST /jobs` that cannot be: refused with the place that is wrong, and nothing is left behind."""

import json
from typing import Any

import httpx
import pytest

from tests.integration.api.problems import problem
from tests.integration.api.test_jobs import BODY, SCAN
from tests.integration.test_pipeline import BACKTEST
from tests.platform import Platform, finished, submit


def refused(client: httpx.Client, body: bytes | str) -> dict[str, Any]:
    answer = client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    document = problem(answer, 422, "invalid_request")
    assert client.get("/jobs").json()["jobs"] == []
    return document


def backtest(**changed: object) -> dict[str, object]:
    return {"job_type": "backtest", "payload": BACKTEST | changed}


def strategy(**changed: object) -> dict[str, object]:
    return backtest(strategy={"kind": "sma_cross", "fast": 10, "slow": 30} | changed)


def scan(**changed: object) -> dict[str, object]:
    return {"job_type": "pattern_scan", "payload": SCAN | changed}


WRONG_VALUES: list[tuple[str, object]] = [
    ("", BODY | {"job_type": "horoscope"}),
    ("", {"payload": SCAN}),
    ("", BODY | {"job_type": None}),
    ("payload", {"job_type": "pattern_scan"}),
    ("payload", BODY | {"payload": None}),
    ("payload", BODY | {"payload": [SCAN]}),
    ("surprise", BODY | {"surprise": 1}),
    ("payload.surprise", scan(surprise=1)),
    ("payload.strategy.sma_cross.surprise", strategy(surprise=1)),
    ("priority", BODY | {"priority": 10}),
    ("priority", BODY | {"priority": -1}),
    ("priority", BODY | {"priority": "5"}),
    ("priority", BODY | {"priority": True}),
    ("priority", BODY | {"priority": 5.5}),
    ("priority", BODY | {"priority": 10**40}),
    ("max_attempts", BODY | {"max_attempts": 0}),
    ("max_attempts", BODY | {"max_attempts": 21}),
    ("run_at", BODY | {"run_at": "2030-01-01T00:00:00"}),
    ("run_at", BODY | {"run_at": "tomorrow"}),
    ("run_at", BODY | {"run_at": 2_000_000_000}),
    ("run_at", BODY | {"run_at": "9999-12-31T23:59:59-14:00"}),
    ("payload.last_bars", scan(last_bars=0)),
    ("payload.last_bars", scan(last_bars="5")),
    ("payload.last_bars", scan(last_bars=True)),
    ("payload.last_bars", scan(last_bars=10**25)),
    ("payload.patterns", scan(patterns=[])),
    ("payload.patterns.0", scan(patterns=["moon_phase"])),
    ("payload.schema_version", scan(schema_version=2)),
    ("payload.symbols", scan(symbols=[])),
    ("payload.symbols", scan(symbols="AAPL")),
    ("payload.symbols", scan(symbols=["AAPL"] * 10_001)),
    ("payload.symbols.0", scan(symbols=[5])),
    ("payload.symbols", backtest(symbols=[f"S{number}" for number in range(501)])),
    ("payload", backtest(symbols=["AAPL", "AAPL"])),
    ("payload", backtest(strategy={"kind": "pairs"})),
    ("payload.account.lot_step", backtest(account={"lot_step": 5e-324})),
    ("payload.exits.stop_loss.atr.multiple", backtest(exits={"stop_loss": {"kind": "atr", "multiple": 0}})),
    ("payload.entry.limit.offset", backtest(entry={"kind": "limit"})),
    ("payload.fills", backtest(fills={"profile": "vectorbt", "limit_fill": "through"})),
    ("payload", backtest(fills={"same_bar": "lower_timeframe"})),
    ("payload.timeframe", backtest(timeframe="2d")),
    ("payload", backtest(start="2013-01-01", end="2012-01-01")),
    ("payload.start", backtest(start="2024-02-30")),
    ("payload.start", backtest(start="yesterday")),
    ("payload.start", backtest(start=20_000)),
    ("payload.start", backtest(start="2012-01-01T05:00:00")),
    ("payload.fill_profile", backtest(fill_profile="best_price")),
    ("payload.strategy", backtest(strategy={"kind": "crystal_ball"})),
    ("payload.strategy", backtest(strategy={"fast": 10, "slow": 30})),
    ("payload.strategy", backtest(strategy=None)),
    ("payload.strategy.sma_cross", strategy(fast=30, slow=30)),
    ("payload.strategy.sma_cross.fast", strategy(fast="10")),
    ("payload.strategy.sma_cross.fast", strategy(fast=True)),
    ("payload.strategy.sma_cross.fast", strategy(fast=10.5)),
    ("payload.strategy.sma_cross.slow", strategy(slow=401)),
    ("payload.account.cash", backtest(account={"cash": 0})),
    ("payload.account.cash", backtest(account={"cash": "10000"})),
    ("payload.account.cash", backtest(account={"cash": True})),
    ("payload.account.lot_step", backtest(account={"cash": 1000, "lot_step": -1})),
    ("payload.costs.commission_rate", backtest(costs={"commission_rate": 2})),
]


@pytest.mark.parametrize(("path", "body"), WRONG_VALUES, ids=lambda value: json.dumps(value)[:60])
def test_wrong_value_is_refused_with_its_place(idle_user: httpx.Client, path: str, body: object) -> None:
    document = refused(idle_user, json.dumps(body))
    assert path in [error["path"] for error in document["errors"]]


SYMBOLS = [
    "../etc/passwd",
    "A/B",
    "A\\B",
    "A..B",
    "..",
    ".",
    "",
    " ",
    "AAPL\n",
    "\nAAPL",
    "A\0B",
    "A" * 33,
    "ÄÖ",
    "A B",
]


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_text_that_is_no_symbol_is_refused(idle_user: httpx.Client, symbol: str) -> None:
    document = refused(idle_user, json.dumps(backtest(symbols=[symbol])))
    assert document["errors"][0]["path"] == "payload.symbols.0"


CASH = '{"job_type": "backtest", "payload": {"symbols": ["AAPL"], "strategy": {"kind": "buy_and_hold"}, "account": %s}}'
NO_JSON: dict[str, bytes] = {
    "empty": b"",
    "blank": b"  \n",
    "half": b'{"job_type": "pattern_scan"',
    "text": b"hello",
    "array": json.dumps([BODY]).encode(),
    "string": b'"pattern_scan"',
    "number": b"1",
    "null": b"null",
    "two documents": json.dumps(BODY).encode() * 2,
    "trailing comma": b'{"job_type": "pattern_scan", "payload": {"symbols": ["AAPL"],}}',
    "single quotes": b"{'job_type': 'pattern_scan'}",
    "NaN": (CASH % '{"cash": NaN}').encode(),
    "Infinity": (CASH % '{"cash": Infinity}').encode(),
    "minus Infinity": (CASH % '{"cash": -Infinity}').encode(),
    "1e999": (CASH % '{"cash": 1e999}').encode(),
    "5000 digits": (CASH % ('{"cash": 1' + "0" * 5_000 + "}")).encode(),
    "100,000 brackets": b"[" * 100_000,
    "100,000 braces": b'{"payload":' * 40_000,
    "deep value": b'{"job_type": "pattern_scan", "payload": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "raw NUL": b'{"job_type": "pattern\0scan", "payload": {}}',
    "NUL in front": b"\0" + json.dumps(BODY).encode(),
    "escaped NUL": json.dumps(BODY | {"job_type": "pattern\0scan"}).encode(),
    "NUL in a name": json.dumps(BODY | {"sur\0prise": 1}).encode(),
    "latin-1": '{"job_type": "caf\xe9"}'.encode("latin-1"),
    "utf-16": json.dumps(BODY).encode("utf-16"),
    "lone surrogate": rb'{"job_type": "pattern_scan", "payload": {"symbols": ["\ud800"]}}',
    "lone surrogate as a name": rb'{"\udfff": 1, "job_type": "pattern_scan", "payload": {"symbols": ["AAPL"]}}',
    "100,000 unknown names": json.dumps(BODY | {f"x{i}": 0 for i in range(30_000)}).encode(),
    "10,000 bad symbols": json.dumps(scan(symbols=["A/B"] * 10_000)).encode(),
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_body_that_cannot_be_read_is_refused(idle_user: httpx.Client, body: bytes) -> None:
    refused(idle_user, body)


def test_of_duplicate_names_the_last_counts(idle_user: httpx.Client) -> None:
    body = b'{"job_type": "pattern_scan", "payload": {"symbols": ["MSFT"], "symbols": ["AAPL"]}}'
    answer = idle_user.post("/jobs", content=body)
    assert (answer.status_code, answer.json()["payload"]["symbols"]) == (202, ["AAPL"])


def test_dates_at_the_ends_of_the_calendar_are_only_dates(user: httpx.Client) -> None:
    job = finished(user, submit(user, "backtest", BACKTEST | {"start": "0001-01-01", "end": "9999-12-31"})["id"])
    assert job["state"] == "succeeded", job["error"]
    empty = finished(user, submit(user, "backtest", BACKTEST | {"start": "0001-01-01", "end": "0001-01-02"})["id"])
    assert (empty["state"], empty["error"]["code"], empty["attempt"]) == ("failed", "no_bars", 1)


def test_run_at_the_end_of_the_calendar_can_be_read_and_listed(idle_user: httpx.Client) -> None:
    job = submit(idle_user, "pattern_scan", SCAN, run_at="9999-12-31T23:59:59Z")
    assert job["state"] == "scheduled"
    assert idle_user.get("/jobs").json()["jobs"][0]["run_at"] == job["run_at"]


def test_most_symbols_that_are_allowed_are_accepted(idle_user: httpx.Client) -> None:
    body = scan(symbols=[f"S{i}" for i in range(10_000)])
    assert idle_user.post("/jobs", json=body).status_code == 202


def test_what_was_refused_leaves_no_row(idle_platform: Platform, idle_user: httpx.Client) -> None:
    before = idle_platform.rows("SELECT count(*) FROM jobs")
    for body in (scan(last_bars=0), strategy(fast=30), BODY | {"priority": 99}):
        assert idle_user.post("/jobs", json=body).status_code == 422
    assert idle_platform.rows("SELECT count(*) FROM jobs") == before
