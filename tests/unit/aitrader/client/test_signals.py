from datetime import date

import pytest

from aitrader.client import Client

TOLD = {
    "id": "a",
    "symbol": "AAPL",
    "timeframe": "1d",
    "action": "buy",
    "reason": "edge",
    "p_buy": 0.5,
    "p_hold": 0.3,
    "p_sell": 0.2,
    "expected_return_frac": 0.01,
    "entry": 100.0,
    "size_frac": 0.1,
    "confidence": 0.6,
    "horizon_bars": 10,
    "as_of": "2024-03-01T00:00:00Z",
    "is_in_sample": False,
    "models": {"suggestion-tiny": "1"},
    "created_at": "2024-03-02T00:00:00Z",
    "new_in_a_newer_server": 1,
}


@pytest.fixture
def client(server):
    with Client(server.url, "ait_me") as made:
        yield made


def test_signals_come_page_by_page_up_to_the_limit(server, answer, client):
    server.answers = [
        answer(200, {"signals": [TOLD, TOLD], "next_cursor": "on"}),
        answer(200, {"signals": [TOLD], "next_cursor": "further"}),
    ]
    found = client.signals(symbol="AAPL", action="buy", since=date(2024, 3, 1), limit=3, all_users=True)
    assert [one.symbol for one in found] == ["AAPL"] * 3
    queries = [heard.path.partition("?")[2] for heard in server.heard]
    assert "limit=3" in queries[0]
    assert "since=2024-03-01T00%3A00%3A00%2B00%3A00" in queries[0]
    assert {"symbol=AAPL", "action=buy", "all=true"} <= set(queries[1].split("&"))
    assert {"limit=1", "cursor=on"} <= set(queries[1].split("&"))


def test_signals_end_where_there_are_no_more(server, answer, client):
    server.answers = [answer(200, {"signals": [TOLD], "next_cursor": None})]
    assert len(client.signals(limit=50)) == 1


def test_performance_is_told_by_action_and_models(server, answer, client):
    row = {"action": "buy", "models": {"m": "1"}, "is_in_sample": False, "signal_count": 3, "scored_count": 0}
    server.answers = [answer(200, {"performance": [row], "cost_bps_round_trip": 20.0})]
    (found,) = client.signal_performance(symbol="AAPL")
    assert (found.signal_count, found.hit_rate) == (3, None)
    assert server.heard[0].path == "/api/signals/performance?symbol=AAPL"
