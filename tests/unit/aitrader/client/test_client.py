import json
from datetime import UTC, date, datetime

import pytest

from aitrader.client import Client, InvalidRequest


@pytest.fixture
def client(server):
    with Client(server.url, "ait_me") as made:
        yield made


def test_submit_is_sent_again_with_the_same_key(server, answer, client, told_job):
    server.answers = [answer(breaks=True), answer(503, {}), answer(202, told_job())]
    client.submit("probe", {"steps": 2})
    keys = {heard.headers["Idempotency-Key"] for heard in server.heard}
    bodies = {heard.body for heard in server.heard}
    assert (len(server.heard), len(keys), len(bodies)) == (3, 1, 1)


def test_each_submit_has_a_key_of_its_own_unless_one_is_given(server, answer, client, told_job):
    server.answers = [answer(202, told_job())]
    for key in (None, None, "mine"):
        client.submit("probe", {}, idempotency_key=key)
    keys = [heard.headers["Idempotency-Key"] for heard in server.heard]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_submit_sends_only_the_options_that_were_given(server, answer, client, told_job):
    server.answers = [answer(202, told_job())]
    client.submit("probe", {"steps": 2})
    client.submit("probe", {}, priority=0, run_at=datetime(2026, 3, 1, 9, tzinfo=UTC), max_attempts=1)
    client.submit("probe", {}, run_at=datetime(2026, 3, 1, 9))  # noqa: DTZ001 - without a zone it is UTC
    assert [json.loads(heard.body) for heard in server.heard] == [
        {"job_type": "probe", "payload": {"steps": 2}},
        {
            "job_type": "probe",
            "payload": {},
            "priority": 0,
            "run_at": "2026-03-01T09:00:00+00:00",
            "max_attempts": 1,
        },
        {"job_type": "probe", "payload": {}, "run_at": "2026-03-01T09:00:00+00:00"},
    ]


@pytest.mark.parametrize("payload", [{"a": float("nan")}, {"a": object()}])
def test_payload_that_is_not_json_is_refused_before_it_is_sent(server, client, payload):
    with pytest.raises(InvalidRequest, match="must be JSON"):
        client.submit("probe", payload)
    assert server.heard == []


@pytest.mark.parametrize("key", ["", "a b", "\u00e9", "a\n"])
def test_bad_idempotency_key_is_refused_before_it_is_sent(server, client, key):
    with pytest.raises(InvalidRequest, match="visible ASCII"):
        client.submit("probe", {}, idempotency_key=key)
    assert server.heard == []


def test_jobs_pages_until_the_limit(server, answer, client, told_job):
    page = [told_job()] * 200
    server.answers = [
        answer(body={"jobs": page, "next_cursor": "c1"}),
        answer(body={"jobs": page[:50], "next_cursor": "c2"}),
    ]
    assert len(client.jobs(state=["queued", "running"], limit=250)) == 250
    first, second = (heard.path for heard in server.heard)
    assert "state=queued&state=running" in first
    assert "limit=200" in first
    assert "cursor=c1" in second
    assert "limit=50" in second


def test_bars_pages_become_one_frame(server, answer, client):
    def bar(day, close):
        return {"time": f"2020-01-{day:02}T00:00:00Z", "open": 1, "high": 3, "low": 1, "close": close, "volume": 5}

    server.answers = [
        answer(body={"series": {}, "bars": [bar(1, 2.0), bar(2, 2.5)], "next_start": "2020-01-03T00:00:00Z"}),
        answer(body={"series": {}, "bars": [bar(3, 3.0)], "next_start": None}),
    ]
    frame = client.bars("AAPL", start=date(2020, 1, 1))
    assert list(frame["close"]) == [2.0, 2.5, 3.0]
    assert frame.index[0].isoformat() == "2020-01-01T00:00:00+00:00"
    assert "start=2020-01-01T00%3A00%3A00%2B00%3A00" in server.heard[0].path
    assert "start=2020-01-03" in server.heard[1].path


def test_ids_and_symbols_cannot_leave_their_place_in_the_path(server, answer, client, told_job):
    server.answers = [answer(body=told_job())]
    client.job("../token?x=1")
    assert server.heard[0].path.startswith("/jobs/..%2Ftoken%3Fx%3D1")


def test_import_streams_the_file_with_its_type_and_length(server, answer, client, tmp_path):
    server.answers = [answer(body={"imported": []})]
    (tmp_path / "a.csv").write_text("symbol,date\n" * 10_000)
    assert client.import_file(tmp_path / "a.csv", timeframe="1d") == []
    (heard,) = server.heard
    assert heard.headers["Content-Type"] == "text/csv"
    assert len(heard.body) == int(heard.headers["Content-Length"]) == 120_000


@pytest.mark.parametrize(("name", "expected"), [("a.xlsx", "called .csv or .parquet"), ("no.csv", "No such file")])
def test_file_that_cannot_be_imported_is_refused(client, tmp_path, name, expected):
    with pytest.raises(InvalidRequest, match=expected):
        client.import_file(tmp_path / name, timeframe="1d")
