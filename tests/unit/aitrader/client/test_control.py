import json
from datetime import UTC, datetime

import pytest

from aitrader.client import Client, Conflict, LimitReached

RESULT = {"matched": 3, "is_dry_run": False, "cancelled": 2, "asked_to_stop": 1, "queued": 0, "skipped": 0}
NUMBERS = dict.fromkeys(("scheduled", "queued", "running", "waiting"), 0)
QUEUE = {"name": "backtest", "is_paused": True, "is_draining": False, "is_empty": True, **NUMBERS}


@pytest.fixture
def client(server):
    with Client(server.url, "ait_me") as made:
        yield made


def test_bulk_cancel_sends_only_the_parts_of_the_filter_that_were_given(server, answer, client):
    server.answers = [answer(body=RESULT)]
    result = client.cancel_jobs(states=["queued"], created_before=datetime(2026, 3, 1, tzinfo=UTC), confirm=3)
    (heard,) = server.heard
    assert heard.path == "/jobs/bulk/cancel"
    assert json.loads(heard.body) == {
        "filter": {"states": ["queued"], "created_before": "2026-03-01T00:00:00+00:00"},
        "confirm": 3,
    }
    assert (result.cancelled, result.asked_to_stop) == (2, 1)


def test_bulk_retry_of_all_users_is_only_counted_without_a_number(server, answer, client):
    server.answers = [answer(503, {}), answer(body=RESULT | {"is_dry_run": True})]
    assert client.retry_jobs(job_types=["backtest"], all_users=True).is_dry_run
    assert [heard.path for heard in server.heard] == ["/jobs/bulk/retry?all=true"] * 2
    assert json.loads(server.heard[0].body) == {"filter": {"job_types": ["backtest"]}, "confirm": None}


def test_confirmed_bulk_change_is_not_sent_twice(server, answer, client):
    server.answers = [answer(409, {"code": "not_confirmed", "detail": "the filter matches 4 jobs"})]
    with pytest.raises(Conflict, match="matches 4"):
        client.cancel_jobs(confirm=3)
    assert len(server.heard) == 1


@pytest.mark.parametrize("verb", ["pause", "drain", "resume"])
def test_queue_is_steered_by_its_name(server, answer, client, verb):
    server.answers = [answer(body=QUEUE)]
    assert getattr(client, f"{verb}_queue")("backtest").is_paused
    assert (server.heard[0].method, server.heard[0].path) == ("POST", f"/queues/backtest/{verb}")


def test_too_many_unfinished_jobs_are_an_error_of_their_own(server, answer, client):
    server.answers = [answer(429, {"code": "too_many_unfinished", "detail": "you may have 5"}, {"Retry-After": "5"})]
    with pytest.raises(LimitReached, match="you may have 5") as caught:
        client.submit("backtest", {}, expires_in_s=60)
    assert caught.value.code == "too_many_unfinished"
    assert json.loads(server.heard[0].body)["expires_in_s"] == 60
