"""`POST /jobs/{id}/reproduce`: the record runs again, and the new job says whether the bytes are the same."""

import json
from uuid import uuid4

import httpx
import pytest

from tests.integration.api.problems import problem
from tests.integration.api.test_import import DAYS, prices, send
from tests.platform import Platform, finished, submit

BACKTEST = {
    "symbols": ["AAPL", "IBM"],
    "start": "2005-01-01",
    "strategy": {"kind": "sma_cross"},
    "exits": {"stop_loss": {"kind": "fraction", "frac": 0.05}},
}
HOLD = {"strategy": {"kind": "buy_and_hold"}, "detail": "brief"}


def run(client: httpx.Client, payload: dict[str, object], **options: object) -> dict[str, object]:
    job = finished(client, submit(client, "backtest", payload, **options)["id"])
    assert job["state"] == "succeeded", job["error"]
    return job


def again(client: httpx.Client, job: dict[str, object]) -> dict[str, object]:
    answer = client.post(f"/jobs/{job['id']}/reproduce")
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/jobs/{answer.json()['id']}"
    ended = finished(client, answer.json()["id"])
    assert ended["state"] == "succeeded", ended["error"]
    return ended


@pytest.fixture
def symbol() -> str:
    return f"S{uuid4().hex[:8].upper()}"


def test_same_record_gives_the_same_bytes_in_a_new_job(user: httpx.Client) -> None:
    first = run(user, BACKTEST)
    second = again(user, first)
    assert second["id"] != first["id"]
    assert (second["reproduces"], second["reused_from"], second["attempt"]) == (first["id"], None, 1)
    assert second["payload"] == first["payload"]
    told = second["result"].pop("reproduction")
    assert (told["of"], told["matches"], told["differs_first"]) == (first["id"], True, None)
    assert (told["conditions"], told["fields"], told["artifacts"]) == ([], [], [])
    assert {**second["result"], "reproduction": None} == first["result"]
    assert second["summary"] == f"same bytes; {first['summary']}"
    assert len(first["result"]["artifacts"]) == 8
    for name in first["result"]["artifacts"]:
        asked = {} if name == "tearsheet" else {"format": "parquet"}
        one, other = (user.get(f"/jobs/{job['id']}/artifacts/{name}", params=asked).content for job in (first, second))
        assert one == other, name


def test_a_reproduction_answers_no_later_job_and_can_be_reproduced_itself(user: httpx.Client) -> None:
    first = run(user, BACKTEST)
    second = again(user, first)
    assert submit(user, "backtest", BACKTEST)["reused_from"] == first["id"]
    third = again(user, second)
    assert (third["reproduces"], third["result"]["reproduction"]["matches"]) == (second["id"], True)


def test_a_job_that_an_earlier_one_answered_can_be_reproduced(user: httpx.Client) -> None:
    first = run(user, BACKTEST)
    reused = submit(user, "backtest", BACKTEST)
    assert reused["reused_from"] == first["id"]
    assert again(user, reused)["result"]["reproduction"]["matches"]


def test_bars_that_changed_are_named_first(user: httpx.Client, symbol: str) -> None:
    assert send(user, prices(symbol, DAYS)).status_code == 200
    first = run(user, {"symbols": [symbol], **HOLD})
    changed = prices(symbol, DAYS).replace("10.25", "10.5")
    assert send(user, changed).status_code == 200
    told = again(user, first)["result"]["reproduction"]
    assert not told["matches"]
    assert told["differs_first"]["what"] == f"bars {symbol} 1d"
    assert "revision 1" in told["differs_first"]["then"]
    assert "revision 2" in told["differs_first"]["now"]
    assert "metrics.final_equity" in {field["what"] for field in told["fields"]}
    assert {file["what"] for file in told["artifacts"]} == {"artifact equity", "artifact trades"}


def test_bars_that_came_since_are_left_out_and_the_bytes_are_the_same(user: httpx.Client, symbol: str) -> None:
    assert send(user, prices(symbol, DAYS[:20])).status_code == 200
    first = run(user, {"symbols": [symbol], **HOLD})
    assert send(user, prices(symbol, ["2023-12-29", *DAYS])).status_code == 200
    second = again(user, first)
    told = second["result"]["reproduction"]
    assert (told["matches"], told["differs_first"]) == (True, None)
    assert [condition["what"] for condition in told["conditions"]] == [f"bars {symbol} 1d"]
    assert second["result"]["provenance"]["bars"][0]["bar_count"] == 20
    whole = run(user, {"symbols": [symbol], **HOLD}, reuse="never")
    assert whole["result"]["provenance"]["bars"][0]["bar_count"] == 31


def test_bars_that_are_gone_fail_the_new_job_alone(platform: Platform, user: httpx.Client, symbol: str) -> None:
    assert send(user, prices(symbol, DAYS)).status_code == 200
    first = run(user, {"symbols": [symbol], **HOLD})
    platform.rows("DELETE FROM bar_series WHERE symbol = %s", symbol)
    job = finished(user, user.post(f"/jobs/{first['id']}/reproduce").json()["id"])
    assert (job["state"], job["error"]["code"]) == ("failed", "unknown_symbol")


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        ("{provenance,engine_version}", '"0"', "engine_version"),
        ("{provenance,machine,cpu}", '"z80"', "cpu"),
        ("{provenance,machine,kernels}", '"0"', "kernels"),
        ("{metrics,cagr}", "7", "metrics.sharpe"),
    ],
)
def test_what_differs_first_is_the_cause_that_is_known(
    platform: Platform, user: httpx.Client, place: str, value: str, what: str
) -> None:
    first = run(user, {"symbols": ["IBM"], **HOLD})
    for path, now in ((place, value), ("{metrics,sharpe}", "9.5")):
        platform.rows("UPDATE jobs SET result = jsonb_set(result, %s, %s) WHERE id = %s", path, now, first["id"])
    told = again(user, first)["result"]["reproduction"]
    assert not told["matches"]
    assert told["differs_first"]["what"] in {what, "metrics.cagr"}
    assert ("metrics.sharpe", "9.5") in {(field["what"], field["then"]) for field in told["fields"]}


def test_a_file_whose_bytes_differ_is_named(platform: Platform, user: httpx.Client) -> None:
    first = run(user, {"symbols": ["IBM"], **HOLD})
    platform.rows(
        "UPDATE artifacts SET sha256 = decode('00', 'hex') WHERE job_id = %s AND name = 'trades'", first["id"]
    )
    told = again(user, first)["result"]["reproduction"]
    assert (told["matches"], told["differs_first"]["what"]) == (False, "artifact trades")
    assert told["fields"] == []


def test_only_ones_own_jobs_can_be_reproduced(platform: Platform, user: httpx.Client, admin: httpx.Client) -> None:
    first = run(user, {"symbols": ["IBM"], **HOLD})
    with platform.client() as other:
        problem(other.post(f"/jobs/{first['id']}/reproduce"), 404, "not_found")
    problem(admin.post(f"/jobs/{first['id']}/reproduce"), 404, "not_found")
    problem(user.post(f"/jobs/{uuid4()}/reproduce"), 404, "not_found")
    problem(user.post("/jobs/nonsense/reproduce"), 422)
    problem(httpx.post(f"{platform.url}/jobs/{first['id']}/reproduce"), 401)


def test_what_has_not_succeeded_or_is_no_backtest_is_a_conflict(idle_user: httpx.Client, admin: httpx.Client) -> None:
    waiting = submit(idle_user, "backtest", {"symbols": ["IBM"], **HOLD})
    told = problem(idle_user.post(f"/jobs/{waiting['id']}/reproduce"), 409, "conflict")
    assert "only a succeeded job can be reproduced; this one is queued" in str(told["detail"])
    probe = finished(admin, submit(admin, "probe", {})["id"])
    told = problem(admin.post(f"/jobs/{probe['id']}/reproduce"), 409, "conflict")
    assert "backtest; this one is a probe" in str(told["detail"])


def test_the_same_key_starts_one_reproduction_and_not_another_ones(user: httpx.Client) -> None:
    first, other = (run(user, {"symbols": [symbol], **HOLD}) for symbol in ("IBM", "AAPL"))
    key = {"Idempotency-Key": "again"}
    one, two = (user.post(f"/jobs/{first['id']}/reproduce", headers=key).json()["id"] for _ in range(2))
    assert one == two
    problem(user.post(f"/jobs/{other['id']}/reproduce", headers=key), 422, "idempotency_key_reused")


def test_the_record_of_an_older_version_is_read_and_compared(platform: Platform, user: httpx.Client) -> None:
    first = run(user, {"symbols": ["IBM"], **HOLD})
    payload = {name: first["payload"][name] for name in ("schema_version", "symbols", "strategy", "detail")}
    platform.rows(
        "UPDATE jobs SET payload = %s, result = result - 'data_warnings' - 'reproduction' "
        "#- '{provenance,machine}' WHERE id = %s",
        json.dumps(payload),
        first["id"],
    )
    second = again(user, first)
    told = second["result"]["reproduction"]
    assert second["payload"] == payload, "the payload is kept as it was stored: its hash is the seed"
    assert {condition["what"] for condition in told["conditions"]} >= {"cpu", "kernels", "payload_hash"}
    assert {field["what"] for field in told["fields"]} <= {"metrics.risk_of_ruin"}
