"""One job from request to result, over every part: HTTP, Postgres, Redis, Celery, the engines, the socket."""

import json

import pytest
from websockets.sync.client import connect

from tests.platform import Platform, finished, submit

BACKTEST = {
    "symbols": ["AAPL"],
    "timeframe": "1d",
    "start": "2000-03-01",
    "end": "2013-03-01",
    "strategy": {"kind": "sma_cross", "fast": 10, "slow": 30},
    "account": {"cash": 10000, "lot_step": 1},
    "costs": {"commission_rate": 0.001},
    "fill_profile": "next_open",
}


def test_backtest_gives_metrics_curve_and_artifacts(platform: Platform) -> None:
    with platform.client() as client:
        job = finished(client, submit(client, "backtest", BACKTEST)["id"])
        trades = client.get(f"/jobs/{job['id']}/artifacts/trades").json()
        equity = client.get(f"/jobs/{job['id']}/artifacts/equity").json()
    assert job["state"] == "succeeded", job["error"]
    result = job["result"]
    assert result["source"] == "sample"
    assert result["trade_count"] == len(trades) > 40
    assert len(result["equity_curve"]["time"]) == len(result["equity_curve"]["equity"]) <= 500
    assert len(equity) == result["provenance"]["bars"][0]["bar_count"] > 3_000
    assert equity[-1]["equity"] == pytest.approx(result["metrics"]["final_equity"])
    assert trades[0]["entry_time"] > "2000-03-01"
    closed = [trade for trade in trades if not trade["is_open"]]
    assert 10_000 + sum(trade["pnl"] for trade in trades) == pytest.approx(result["metrics"]["final_equity"])
    assert {trade["side"] for trade in closed} == {"long"}


def test_same_payload_gives_the_same_bytes(platform: Platform) -> None:
    with platform.client() as client:
        first, second = (finished(client, submit(client, "backtest", BACKTEST)["id"]) for _ in range(2))
        contents = [
            client.get(f"/jobs/{job['id']}/artifacts/trades", params={"format": "parquet"}).content
            for job in (first, second)
        ]
    assert first["result"] == second["result"]
    assert contents[0] == contents[1]


def test_one_bad_symbol_never_sinks_a_scan(platform: Platform) -> None:
    payload = {"symbols": ["AAPL", "FB", "GOOG", "IBM", "MSFT", "NOPE"], "timeframe": "1d", "last_bars": 30}
    with platform.client() as client:
        job = finished(client, submit(client, "pattern_scan", payload)["id"])
    assert job["state"] == "succeeded"
    assert {match["symbol"] for match in job["result"]["matches"]} == {"AAPL", "FB", "GOOG", "IBM", "MSFT"}
    assert [(f["symbol"], f["code"]) for f in job["result"]["failures"]] == [("NOPE", "unknown_symbol")]


def test_unknown_symbol_fails_the_backtest_and_is_not_tried_again(platform: Platform) -> None:
    with platform.client() as client:
        job = finished(client, submit(client, "backtest", BACKTEST | {"symbols": ["NOPE"]})["id"])
    assert (job["state"], job["error"]["code"], job["attempt"]) == ("failed", "unknown_symbol", 1)


def test_socket_pushes_every_state_of_a_job(platform: Platform) -> None:
    with platform.client("admin") as client:
        headers = {"Authorization": client.headers["Authorization"]}
        with connect(
            platform.url.replace("http", "ws") + "/ws?channels=job_updates", additional_headers=headers
        ) as socket:
            assert json.loads(socket.recv(10))["ok"] is True
            assert json.loads(socket.recv(10))["type"] == "snapshot"
            job = submit(client, "probe", {"sleep_s": 0.6, "steps": 2})
            seen = []
            while not seen or seen[-1]["state"] != "succeeded":
                update = json.loads(socket.recv(20))
                assert (update["ch"], update["type"], update["data"]["id"]) == (
                    "job_updates",
                    "update",
                    job["id"],
                )
                seen.append(update["data"])
    assert [job["state"] for job in seen][:2] == ["queued", "running"]
    assert any(0 < job["progress"] < 1 for job in seen)
    assert [job["version"] for job in seen] == sorted({job["version"] for job in seen})
