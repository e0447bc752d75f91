"""Backtests by real processes: what the payload can say, bad input, and an end soon after a cancel."""

import time

import httpx
import numpy as np
import psutil
import pytest

from backend.core.db.bar_columns import replace_series
from backend.core.db.sessions import sync_engine
from backend.settings import JobSettings
from backend.settings.connections import normal_database_url
from market_data.bars import Bars
from market_data.timeframe import step_ns
from tests.integration.api.problems import problem
from tests.integration.api.test_import import send
from tests.platform import Platform, finished, submit
from tests.waiting import eventually

LONG = 150_000
LONG_SYMBOLS = ("LONGA", "LONGB", "LONGC", "LONGD")
GRACE_S = JobSettings().cancel_grace_s


def run(client: httpx.Client, payload: dict[str, object]) -> dict[str, object]:
    return finished(client, submit(client, "backtest", payload, reuse="never")["id"])


def succeeded(client: httpx.Client, payload: dict[str, object]) -> dict[str, object]:
    job = run(client, payload)
    assert job["state"] == "succeeded", job["error"]
    return job


EVERYTHING = {
    "symbols": ["IBM", "AAPL"],
    "start": "2005-01-03",
    "strategy": {"kind": "donchian", "entry": 40, "exit": 20, "direction": "both"},
    "account": {"cash": 50000, "lot_step": 0.01, "leverage": 2, "borrow_rate": 0.03, "cash_rate": 0.02},
    "costs": {"commission_rate": 0.001, "commission_min": 2, "slippage": {"kind": "volume_share"}},
    "sizing": {"kind": "risk_per_trade", "risk_frac": 0.01},
    "exits": {
        "stop_loss": {"kind": "atr", "multiple": 2},
        "trailing_stop": {"kind": "fraction", "frac": 0.1},
        "ladder": [{"target": {"kind": "risk", "multiple": 1}, "share": 0.3}],
        "time_stop_bars": 60,
    },
    "entry": {"kind": "stop", "offset": {"kind": "fraction", "frac": 0.002}, "valid_bars": 3},
    "fills": {"same_bar": "ohlc_path", "limit_fill": "through", "close_at_end": True},
    "periods_per_year": 252,
}


def test_two_symbols_with_every_kind_of_order_run_on_one_account(user: httpx.Client) -> None:
    job = succeeded(user, EVERYTHING)
    trades = user.get(f"/jobs/{job['id']}/artifacts/trades").json()
    assert {trade["symbol"] for trade in trades} == {"AAPL", "IBM"}
    assert {trade["side"] for trade in trades} == {"long", "short"}
    assert {trade["exit_reason"] for trade in trades} >= {"stop_loss", "ladder", "time_stop"}
    metrics = job["result"]["metrics"]
    gained = sum(trade["pnl"] for trade in trades) + metrics["interest"]
    assert metrics["interest"] > 0
    assert metrics["final_equity"] == pytest.approx(50_000 + gained)
    assert [used["symbol"] for used in job["result"]["provenance"]["bars"]] == ["AAPL", "IBM"]


@pytest.mark.parametrize(
    ("strategy", "symbols"),
    [
        ({"kind": "pairs"}, ["AAPL", "IBM"]),
        ({"kind": "momentum_rotation", "top": 1}, ["AAPL", "IBM", "MSFT"]),
        ({"kind": "periodic_rebalance"}, ["AAPL", "IBM", "MSFT"]),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_strategies_of_several_symbols_run(user: httpx.Client, strategy: dict[str, object], symbols: list[str]) -> None:
    job = succeeded(user, {"symbols": symbols, "start": "2002-01-01", "strategy": strategy})
    trades = user.get(f"/jobs/{job['id']}/artifacts/trades").json()
    assert {trade["symbol"] for trade in trades} == set(symbols)
    assert job["result"]["trade_count"] > 4


def test_order_of_symbols_changes_nothing(user: httpx.Client) -> None:
    there, back = (succeeded(user, EVERYTHING | {"symbols": order}) for order in (["IBM", "AAPL"], ["AAPL", "IBM"]))
    apart = ("provenance", "metrics")
    assert {k: v for k, v in there["result"].items() if k not in apart} == {
        k: v for k, v in back["result"].items() if k not in apart
    }


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"exits": {"stop_loss": {"kind": "fraction", "frac": 2}}}, "payload.exits.stop_loss.fraction.frac"),
        ({"costs": {"slippage": {"kind": "fixd"}}}, "payload.costs.slippage"),
        ({"sizing": {"kind": "fixed_cash", "cash": -1}}, "payload.sizing.fixed_cash.cash"),
        ({"account": {"leverage": 1e9}}, "payload.account.leverage"),
        ({"lower_timeframe": "3m"}, "payload.lower_timeframe"),
    ],
)
def test_an_impossible_value_is_a_422_that_names_its_place(
    idle_user: httpx.Client, part: dict[str, object], path: str
) -> None:
    body = {"job_type": "backtest", "payload": {"symbols": ["IBM"], "strategy": {"kind": "sma_cross"}} | part}
    told = problem(idle_user.post("/jobs", json=body), 422, "invalid_request")
    assert [error["path"] for error in told["errors"]] == [path]  # type: ignore[attr-defined]


def csv(symbol: str, closes: list[float], *, days: int = 1) -> str:
    lines = []
    for k, close in enumerate(closes):
        day = np.datetime64("2020-01-01") + k * days
        opened = closes[k - 1] if k and abs(closes[k - 1] - close) < 0.2 * close else close
        high, low = max(opened, close), min(opened, close)
        lines.append(f"{symbol},{day},{opened!r},{high!r},{low!r},{close!r},1000")
    return "symbol,date,open,high,low,close,volume\n" + "\n".join(lines) + "\n"


def wave(count: int, scale: float = 1.0) -> list[float]:
    return [float(scale * (100.0 + 10.0 * np.sin(k / 5.0))) for k in range(count)]


CASES = {
    "SPLIT": [*wave(120)[:60], *wave(120, 0.5)[60:]],
    "TINY": wave(120, 1e-11),
    "HUGE": wave(120, 1e7),
    "FLAT": [50.0] * 120,
    "SHORT": wave(10),
    "ONE": wave(1),
}


@pytest.mark.parametrize("name", CASES)
def test_odd_bars_give_a_defined_result_or_a_clear_error(user: httpx.Client, name: str) -> None:
    assert send(user, csv(name, CASES[name])).status_code == 200
    account = {"cash": 1e12, "lot_step": 0.001}
    job = run(user, {"symbols": [name], "strategy": {"kind": "sma_cross", "fast": 3, "slow": 12}, "account": account})
    if name == "ONE":
        assert (job["state"], job["error"]["code"]) == ("failed", "invalid_value")
        assert "at least 2 bars, was given 1 of ONE" in job["error"]["message"]
        return
    assert job["state"] == "succeeded", job["error"]
    warnings = [(warning["code"], warning["time"]) for warning in job["result"]["data_warnings"]]
    expected = {
        "SPLIT": [("suspected_split", "2020-03-01T00:00:00Z")],
        "FLAT": [("no_orders", "2020-04-29T00:00:00Z")],
        "SHORT": [("no_orders", "2020-01-10T00:00:00Z")],
    }
    assert warnings == expected.get(name, [])
    assert job["result"]["metrics"]["final_equity"] is not None
    assert (job["result"]["trade_count"] >= 3) == (name in {"SPLIT", "TINY", "HUGE"})


def test_bars_with_a_gap_and_a_price_of_zero(user: httpx.Client) -> None:
    assert send(user, csv("GAP", wave(60), days=20)).status_code == 200
    told = succeeded(user, {"symbols": ["GAP"], "strategy": {"kind": "buy_and_hold"}})["result"]["data_warnings"]
    assert {warning["code"] for warning in told} == {"long_pause"}
    refused = problem(send(user, csv("ZERO", [*wave(5), 0.0])), 422, "import_refused")
    assert "line 7" in str(refused["detail"])


@pytest.fixture(scope="module")
def long_series(platform: Platform) -> Platform:
    """Some symbols of many bars each, shared by all users."""
    random = np.random.default_rng(5)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.0005, LONG)))
    opened = np.concatenate(([100.0], close[:-1]))
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.0004,
        "low": np.minimum(opened, close) * 0.9996,
        "close": close,
        "volume": np.full(LONG, 1e6),
    }
    engine = sync_engine(normal_database_url(platform.database_url))
    for symbol in LONG_SYMBOLS:
        bars = Bars.from_arrays(symbol=symbol, timeframe="1m", time=np.arange(LONG) * step_ns("1m"), **columns)
        with engine.begin() as connection:
            replace_series(connection, None, bars, "sample")
    engine.dispose()
    return platform


LONG_BACKTEST = {
    "symbols": list(LONG_SYMBOLS),
    "timeframe": "1m",
    "strategy": {"kind": "sma_cross", "fast": 20, "slow": 60, "direction": "both"},
    "account": {"cash": 1e9, "lot_step": 1e-6},
    "sizing": {"kind": "fixed_cash", "cash": 1000},
    "exits": {"stop_loss": {"kind": "fraction", "frac": 0.01}, "take_profit": {"kind": "fraction", "frac": 0.01}},
    "fills": {"same_bar": "ohlc_path"},
}


def test_a_long_backtest_ends_soon_after_its_cancel_and_no_process_has_to_be_ended(
    long_series: Platform, user: httpx.Client
) -> None:
    job_id = submit(user, "backtest", LONG_BACKTEST, reuse="never")["id"]
    eventually(lambda: user.get(f"/jobs/{job_id}").json()["stage"], timeout_s=60, what="a stage")
    asked = time.monotonic()
    assert user.post(f"/jobs/{job_id}/cancel").status_code == 200
    job = finished(user, job_id)
    took_s = time.monotonic() - asked
    assert job["state"] == "cancelled"
    assert took_s < GRACE_S, "after that, its process is killed"
    (attempt,) = user.get(f"/jobs/{job_id}/attempts").json()["attempts"]
    assert attempt["outcome"] == "cancelled"
    assert psutil.pid_exists(attempt["worker_pid"])


def test_a_long_backtest_tells_its_stages_and_what_it_counted(long_series: Platform, user: httpx.Client) -> None:
    job = finished(user, submit(user, "backtest", LONG_BACKTEST, reuse="never")["id"], timeout_s=120)
    assert (job["state"], job["stage"]) == ("succeeded", "write")
    assert job["counters"] == {"symbols": len(LONG_SYMBOLS), "bars": LONG * len(LONG_SYMBOLS)}
