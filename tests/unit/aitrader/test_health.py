from aitrader.health import read_health
from tests.platform import free_port

READY = {"status": "ok", "db": {"status": "ok", "latency_ms": 1.5}, "redis": {"status": "ok"}}
SERVICES = {
    "status": "ok",
    "workers": {"status": "ok", "slots_by_queue": {"backtest": 2}},
    "relay": {"status": "ok"},
    "flower": {"status": "unknown", "detail": "FLOWER_URL is not set"},
}


def test_parts_of_both_routes_are_told(server, answer):
    server.answers = [answer(body=READY), answer(body=SERVICES)]
    health = read_health(server.url)
    assert [part.name for part in health.parts] == ["api", "db", "redis", "workers", "relay", "flower"]
    assert health.is_ok
    assert health.part("workers").told == "slots_by_queue (backtest 2)"
    assert health.part("flower").told == "FLOWER_URL is not set"


def test_part_that_is_down_is_told_from_an_answer_of_503(server, answer):
    down = SERVICES | {"relay": {"status": "down", "detail": "no relay is active"}}
    server.answers = [answer(body=READY), answer(503, down)]
    health = read_health(server.url)
    assert not health.is_ok
    assert health.part("relay").detail == "no relay is active"


def test_unknown_workers_are_not_well(server, answer):
    server.answers = [answer(body=READY), answer(503, SERVICES | {"workers": {"status": "unknown"}})]
    assert not read_health(server.url).is_ok


def test_server_that_does_not_answer_is_down():
    (api,) = read_health(f"http://127.0.0.1:{free_port()}").parts
    assert (api.name, api.status) == ("api", "down")


def test_server_that_is_something_else_is_down(server, answer):
    server.answers = [answer(body=b"<html>")]
    assert not read_health(server.url).is_ok
