"""Sentiment jobs from request to result, with vendors that this machine serves: HTTP, workers, Postgres, Redis."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backend.core.jobs.sentiment_analysis import MAX_TEXTS
from tests.integration.api.problems import problem
from tests.platform import Platform, finished, submit
from tests.vendors import Reply, Vendor, as_json, finnhub_entry, rss_feed, rss_item, running_vendor

FINNHUB = "/api/v1/company-news"
KEY = "sekret-finnhub-key"
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Vendor]:
    with running_vendor() as vendor:
        yield vendor


@pytest.fixture(scope="module")
def newsroom(new_platform: Callable[..., Platform], vendor: Vendor) -> Platform:
    platform = new_platform(
        NEWS__SOURCES="finnhub,rss",
        NEWS__FINNHUB_URL=vendor.url,
        NEWS__FINNHUB_KEY=KEY,
        NEWS__RSS_FEEDS=f"{vendor.url}/feed?s={{symbol}}",
        NEWS__TIMEOUT_S="1.0",
        LOG_LEVEL="DEBUG",
    )
    platform.start_all(queues="sentiment_analysis")
    return platform


@pytest.fixture(autouse=True)
def _vendor_answers(vendor: Vendor) -> None:
    vendor.replies.clear()
    about_apple = [
        finnhub_entry("Apple shares jump after profit beats estimates", NOW - timedelta(hours=2)),
        finnhub_entry("Apple sued over battery defects, shares slump", NOW - timedelta(hours=30)),
    ]
    vendor.answers(FINNHUB, as_json(about_apple))
    vendor.answers("/feed", Reply(rss_feed(rss_item("Microsoft raises its dividend", NOW - timedelta(hours=1)))))


def test_news_about_symbols_are_read_scored_stored_and_served(newsroom: Platform, vendor: Vendor) -> None:
    with newsroom.client() as client, newsroom.client() as another:
        job = finished(client, submit(client, "sentiment_analysis", {"symbols": ["AAPL"], "lookback": "7d"})["id"])
        assert job["state"] == "succeeded", job["error"]
        told = another.get("/api/sentiment/AAPL").json()
        asked = len(vendor.asked_for(FINNHUB))
        again = finished(another, submit(another, "sentiment_analysis", {"symbols": ["AAPL"]})["id"])
    result = job["result"]
    assert [one["label"] for one in result["articles"]] == ["positive", "negative"]
    assert result["failures"] == []
    assert told["mood"] == {**result["by_symbol"][0]}
    assert told["articles"] == result["articles"]
    assert told["scored_by"] == [result["scored_by"]]
    assert len(told["by_day"]) == len(result["by_day"]) >= 1
    assert again["result"]["articles"] == result["articles"]
    assert len(vendor.asked_for(FINNHUB)) == asked == 1  # the second job read the cache
    assert newsroom.rows("SELECT count(*) FROM article_scores")[0]["count"] == 2


def test_texts_are_scored_and_companies_told_apart(newsroom: Platform) -> None:
    texts = ["Apple shares surge on record profit while Microsoft slumps after profit warning", "🚀", "<b></b>"]
    with newsroom.client() as client:
        job = finished(client, submit(client, "sentiment_analysis", {"texts": texts})["id"])
    result = job["result"]
    assert job["state"] == "succeeded", job["error"]
    assert [(one["symbol"], one["label"]) for one in result["items"][0]["entities"]] == [
        ("AAPL", "positive"),
        ("MSFT", "negative"),
    ]
    assert [(one["index"], one["code"]) for one in result["failures"]] == [(1, "no_words"), (2, "empty_text")]
    assert {one["symbol"]: one["label"] for one in result["by_symbol"]} == {"AAPL": "positive", "MSFT": "negative"}


def test_the_next_source_takes_over_and_the_key_is_told_nowhere(newsroom: Platform, vendor: Vendor) -> None:
    vendor.answers(FINNHUB, as_json({"error": "Invalid API key"}, status=401))
    with newsroom.client() as client:
        job = finished(client, submit(client, "sentiment_analysis", {"symbols": ["MSFT"]})["id"])
    assert job["state"] == "succeeded", job["error"]
    assert [one["title"] for one in job["result"]["articles"]] == ["Microsoft raises its dividend"]
    assert [(one["source"], one["code"]) for one in job["result"]["failures"]] == [("finnhub", "key_refused")]
    assert KEY not in json.dumps(job)
    assert [path.name for path in newsroom.data_dir.glob("*.log") if KEY in path.read_text()] == []


def test_all_sources_down_fail_a_job_within_half_a_minute(newsroom: Platform, vendor: Vendor) -> None:
    vendor.answers(FINNHUB, Reply(hangs=True))
    vendor.answers("/feed", Reply(hangs=True))
    with newsroom.client() as client:
        submitted = submit(client, "sentiment_analysis", {"symbols": ["IBM"]})
        job = finished(client, submitted["id"], timeout_s=35)
        services = client.get("/health/services").text
    assert (job["state"], job["error"]["code"]) == ("failed", "provider_unavailable")
    took = datetime.fromisoformat(job["finished_at"]) - datetime.fromisoformat(job["created_at"])
    assert took < timedelta(seconds=30)
    assert "provider_timed_out" in services


def test_a_symbol_that_nobody_wrote_about_has_no_mood(newsroom: Platform) -> None:
    with newsroom.client() as client:
        told = client.get("/api/sentiment/NOBODY", params={"lookback": "24h", "limit": 0}).json()
    assert (told["mood"], told["by_day"], told["articles"], told["scored_by"]) == (None, [], [], [])
    assert (told["symbol"], told["lookback"]) == ("NOBODY", "24h")


@pytest.mark.parametrize("query", ["lookback=week", "lookback=0d", "lookback=1000d", "limit=-1", "limit=1001"])
def test_a_bad_query_is_refused(newsroom: Platform, query: str) -> None:
    with newsroom.client() as client:
        problem(client.get(f"/api/sentiment/AAPL?{query}"), 422, "invalid_request")
        problem(client.get("/api/sentiment/A B"), 422, "invalid_request")


def test_only_users_read_it(newsroom: Platform) -> None:
    with newsroom.client() as client:
        client.headers.pop("Authorization")
        problem(client.get("/api/sentiment/AAPL"), 401)


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"texts": []},
        {"symbols": []},
        {"texts": ["x"] * (MAX_TEXTS + 1)},
        {"texts": ["x"] * 100_000},
        {"texts": "x"},
        {"texts": [1]},
        {"symbols": ["A B"]},
        {"symbols": ["AAPL"], "sources": ["bloomberg"]},
        {"symbols": ["AAPL"], "sources": []},
        {"symbols": ["AAPL"], "lookback": "1y"},
    ],
)
def test_a_bad_payload_is_refused_at_once(newsroom: Platform, payload: dict[str, object]) -> None:
    with newsroom.client() as client:
        answer = client.post("/jobs", json={"job_type": "sentiment_analysis", "payload": payload})
        problem(answer, 422)


def test_texts_over_the_bodys_limit_are_refused(newsroom: Platform) -> None:
    with newsroom.client() as client:
        payload = {"texts": ["x" * 1_000_000] * 3}
        problem(client.post("/jobs", json={"job_type": "sentiment_analysis", "payload": payload}), 413)
