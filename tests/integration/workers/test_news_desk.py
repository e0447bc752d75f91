"""Where a job's news come from, on a real database and Redis, with sources that answer as they are told."""

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from backend.core.heartbeats import PROVIDERS
from backend.core.redis import sync_redis
from market_data.errors import (
    DomainError,
    KeyRefused,
    NewsRefused,
    ProviderTimedOut,
    ProviderUnavailable,
    RateLimited,
    UnknownSymbol,
)
from market_data.news import NewsSource
from market_data.providers.news_sources import Budget
from tests.news_bench import NOW, NewsBench, Told, query
from tests.vendors import Reply, as_json, finnhub_entry, rss_feed, rss_item
from workers.news import News
from workers.news_desk import NewsDesk
from workers.news_sources import NewsSources

FINNHUB = "/api/v1/company-news"


def titles(news: News) -> list[str]:
    return [article.title for article in news.articles]


def failures(news: News) -> set[tuple[str | None, str | None, str]]:
    return {(failure.source, failure.symbol, failure.code) for failure in news.failures}


def down(name: NewsSource, error: DomainError | None = None, **symbols: Sequence[str] | DomainError) -> Told:
    asked = dict.fromkeys(("AAPL", "MSFT", "ACME"), error or ProviderUnavailable("away"))
    return Told(name, asked | symbols)


def test_sources_are_asked_in_order_until_one_has_articles(news: NewsBench) -> None:
    empty, second, third = Told("finnhub"), Told("alpha_vantage", {"AAPL": ["Good"]}), Told("rss", {"AAPL": ["Other"]})
    read = news.read(news.desk(empty, second, third), "AAPL")
    assert titles(read) == ["Good"]
    assert (empty.asked, second.asked, third.asked) == (["AAPL"], ["AAPL"], [])
    assert read.warnings == ("news about 1 of 1 symbols: alpha_vantage",)
    assert read.failures == ()


def test_the_order_that_a_job_wants_beats_the_settings(news: NewsBench) -> None:
    one, other = Told("finnhub", {"AAPL": ["One"]}), Told("rss", {"AAPL": ["Other"]})
    read = news.read(news.desk(one, other), "AAPL", sources=("rss", "finnhub"))
    assert titles(read) == ["Other"]
    assert one.asked == []


@pytest.mark.parametrize(
    "error", [ProviderUnavailable("away"), ProviderTimedOut("slow"), RateLimited("too often"), KeyRefused("bad key")]
)
def test_a_source_that_fails_is_fallen_back_from_and_told(news: NewsBench, error: DomainError) -> None:
    read = news.read(news.desk(down("finnhub", error), Told("rss", {"AAPL": ["Good"]})), "AAPL")
    assert titles(read) == ["Good"]
    assert failures(read) == {("finnhub", None, error.code)}


@pytest.mark.parametrize("error", [UnknownSymbol("who?"), NewsRefused("not for you")])
def test_one_bad_symbol_never_sinks_the_others(news: NewsBench, error: DomainError) -> None:
    source = Told("finnhub", {f"S{i}": [f"News {i}"] for i in range(30)} | {"ACME": error})
    read = news.read(news.desk(source), "ACME", *(f"S{i}" for i in range(30)))
    assert len(read.articles) == 30
    assert failures(read) == {(None, "ACME", error.code)}
    assert sorted(filter(None, source.asked)) == sorted(["ACME", *(f"S{i}" for i in range(30))])


def test_a_symbol_without_news_is_told(news: NewsBench) -> None:
    read = news.read(news.desk(Told("finnhub", {"AAPL": ["Good"]}), Told("rss")), "AAPL", "MSFT")
    assert failures(read) == {(None, "MSFT", "no_news")}


def test_a_source_that_is_down_is_asked_once_a_round(news: NewsBench) -> None:
    symbols = [f"S{i}" for i in range(200)]
    error = ProviderUnavailable("away")
    away = Told("finnhub", dict.fromkeys(symbols, error))
    there = Told("rss", {symbol: [f"About {symbol}"] for symbol in symbols})
    read = news.read(news.desk(away, there), *symbols)
    assert len(read.articles) == 200
    assert len(away.asked) <= 8  # as many as ask at the same time
    assert failures(read) == {("finnhub", None, "provider_unavailable")}


def test_nothing_at_all_is_said_so_and_soon_tried_again(news: NewsBench) -> None:
    with pytest.raises(ProviderUnavailable, match="no source of news answered: away; slow") as caught:
        news.read(news.desk(down("finnhub"), down("rss", ProviderTimedOut("slow"))), "AAPL")
    assert caught.value.retry_after_s <= 2.0


def test_keys_that_are_all_refused_are_not_worth_another_try(news: NewsBench) -> None:
    with pytest.raises(NewsRefused, match="no source of news answers us: bad key"):
        news.read(news.desk(down("finnhub", KeyRefused("bad key"))), "AAPL")


def test_no_source_at_all_is_not_worth_another_try(news: NewsBench) -> None:
    with pytest.raises(NewsRefused, match="no source of news is configured"):
        news.read(news.desk(sources=("finnhub",)), "AAPL")


def test_a_source_asked_for_by_name_and_not_configured_is_a_failure(news: NewsBench) -> None:
    desk = news.desk(Told("rss", {"AAPL": ["Good"]}))
    read = news.read(desk, "AAPL", sources=("finnhub", "rss"))
    assert titles(read) == ["Good"]
    assert failures(read) == {("finnhub", None, "source_not_configured")}


def test_what_was_stored_serves_while_all_sources_are_away(news: NewsBench) -> None:
    news.read(news.desk(Told("finnhub", {"AAPL": ["Kept"]})), "AAPL")
    news.bench.broker.flushdb()
    read = news.read(news.desk(down("finnhub")), "AAPL")
    assert titles(read) == ["Kept"]
    assert read.warnings == ("no source answered; these articles were stored before",)
    assert ("finnhub", None, "provider_unavailable") in failures(read)


def test_an_article_is_stored_once_whoever_brings_it(news: NewsBench) -> None:
    desk = news.desk(Told("finnhub", {"AAPL": ["Good"], "MSFT": ["Good"]}))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda symbol: news.read(desk, symbol), ["AAPL", "MSFT"] * 4))
    assert (news.count("articles"), news.count("article_symbols")) == (1, 2)


def test_an_article_about_two_symbols_comes_once_with_both(news: NewsBench) -> None:
    (article,) = news.read(news.desk(Told("finnhub", {"AAPL": ["Good"], "MSFT": ["Good"]})), "AAPL", "MSFT").articles
    assert set(article.symbols) == {"AAPL", "MSFT"}


def test_articles_outside_of_the_time_asked_for_are_left_out(news: NewsBench) -> None:
    old = Told("finnhub", {"AAPL": ["Old"]}, hours_ago=24 * 8)
    early = Told("rss", {"AAPL": ["From tomorrow"]}, hours_ago=-24)
    read = news.read(news.desk(old, early), "AAPL")
    assert (titles(read), failures(read), news.count("articles")) == ([], {(None, "AAPL", "no_news")}, 0)


def test_a_feed_about_everything_is_asked_once_and_matched_by_what_it_says(news: NewsBench) -> None:
    lines = ["Apple and Microsoft rally", "Google wins in court", "Rain in Spain", "ACME doubles its dividend"]
    feed = Told("rss", {None: lines}, is_about_all=True)
    read = news.read(news.desk(feed), "AAPL", "MSFT", "GOOG", "ACME", "IBM")
    assert feed.asked == [None]
    assert {(article.title, frozenset(article.symbols)) for article in read.articles} == {
        ("Apple and Microsoft rally", frozenset({"AAPL", "MSFT"})),
        ("Google wins in court", frozenset({"GOOG"})),
        ("ACME doubles its dividend", frozenset({"ACME"})),
    }
    assert failures(read) == {(None, "IBM", "no_news")}


def test_one_dead_feed_of_two_does_not_silence_the_other(news: NewsBench) -> None:
    news.vendor.answers("/live", Reply(rss_feed(rss_item("Apple rises", NOW), rss_item("IBM falls", NOW))))
    feeds = ("http://127.0.0.1:9/dead", f"{news.vendor.url}/live")
    read = news.read(news.desk(sources=("rss",), rss_feeds=feeds), "AAPL", "IBM")
    assert set(titles(read)) == {"Apple rises", "IBM falls"}
    assert failures(read) == {("rss", None, "provider_unavailable")}


def test_an_answer_is_read_from_the_cache_by_every_worker(news: NewsBench) -> None:
    news.vendor.answers(FINNHUB, as_json([finnhub_entry("Good", NOW)]))
    options = {"finnhub_key": SecretStr("k"), "finnhub_url": news.vendor.url, "sources": ("finnhub",)}
    for _ in range(3):
        assert titles(news.read(news.desk(**options), "AAPL")) == ["Good"]
    assert len(news.vendor.asked) == 1


def test_a_stale_feed_is_asked_with_its_validators(news: NewsBench) -> None:
    news.vendor.answers("/feed", Reply(rss_feed(rss_item("Apple rises", NOW)), etag='"v1"'))
    options = {"sources": ("rss",), "rss_feeds": (f"{news.vendor.url}/feed",), "cache_s": 1}
    news.read(news.desk(**options), "AAPL")
    (key,) = news.bench.broker.keys("aitrader:news:rss:*")
    news.bench.broker.expire(key, 1_000)
    news.bench.run("TRUNCATE articles, article_symbols, article_scores")
    assert titles(news.read(news.desk(**options), "AAPL")) == ["Apple rises"]
    assert [asked.headers.get("if-none-match") for asked in news.vendor.asked] == [None, '"v1"']
    assert titles(news.read(news.desk(**options), "AAPL")) == ["Apple rises"]
    assert len(news.vendor.asked) == 2  # 304 made it fresh again


def test_retry_after_is_kept_by_all_workers(news: NewsBench) -> None:
    news.vendor.answers(FINNHUB, Reply(status=429, headers={"Retry-After": "600"}))
    options = {"finnhub_key": SecretStr("k"), "finnhub_url": news.vendor.url, "sources": ("finnhub",)}
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            news.read(news.desk(**options), "AAPL")
    assert len(news.vendor.asked) == 1
    with pytest.raises(ProviderUnavailable, match=r"finnhub may not be asked again for (600|599|598) s"):
        news.read(news.desk(**options), "MSFT")


def test_a_budget_is_kept_and_the_next_source_takes_over(news: NewsBench) -> None:
    symbols = [f"S{i}" for i in range(20)]
    first = Told("finnhub", {s: [f"One {s}"] for s in symbols}, budget=Budget(burst=5, per_s=0.001))
    second = Told("rss", {s: [f"Other {s}"] for s in symbols})
    read = news.read(news.desk(first, second), *symbols)
    assert (len(first.asked), len(second.asked), len(read.articles)) == (5, 15, 20)
    assert failures(read) == {("finnhub", None, "rate_limited")}


def test_a_source_that_hung_is_left_alone_by_all_workers(news: NewsBench) -> None:
    news.vendor.answers(FINNHUB, Reply(hangs=True))
    options = {"finnhub_key": SecretStr("k"), "finnhub_url": news.vendor.url, "timeout_s": 0.3}
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            news.read(news.desk(sources=("finnhub",), **options), "AAPL")
    assert len(news.vendor.asked) == 1
    noted = json.loads(news.bench.broker.hgetall(PROVIDERS)[b"news:finnhub"])
    assert (noted["is_ok"], noted["code"]) == (False, "provider_timed_out")


def test_a_round_in_which_nobody_answers_ends_in_time(news: NewsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.news_round.NOTHING_YET_S", 0.5)
    for path in (FINNHUB, "/query", "/feed"):
        news.vendor.answers(path, Reply(hangs=True))
    desk = news.desk(
        finnhub_key=SecretStr("k"),
        finnhub_url=news.vendor.url,
        alpha_vantage_key=SecretStr("k"),
        alpha_vantage_url=news.vendor.url,
        rss_feeds=(f"{news.vendor.url}/feed?s={{symbol}}",),
        timeout_s=0.4,
    )
    began_s = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="rss was not asked: no time was left"):
        news.read(desk, *(f"S{i}" for i in range(50)))
    assert time.monotonic() - began_s < 2.0


def test_a_cancelled_job_does_not_wait_for_answers(news: NewsBench) -> None:
    class Cancelled(Exception):
        pass

    def cancel(_: float) -> None:
        raise Cancelled

    news.vendor.answers(FINNHUB, Reply(hangs=True))
    desk = news.desk(sources=("finnhub",), finnhub_key=SecretStr("k"), finnhub_url=news.vendor.url, timeout_s=5.0)
    began_s = time.monotonic()
    with pytest.raises(Cancelled):
        desk.read(query("AAPL", "MSFT"), cancel)
    assert time.monotonic() - began_s < 2.0
    news.vendor.let_go.set()
    for thread in threading.enumerate():
        if thread.name.startswith("news"):
            thread.join()


def test_without_redis_no_vendor_is_asked_uncounted(news: NewsBench) -> None:
    source = Told("finnhub", {"AAPL": ["Good"]})
    with sync_redis("redis://127.0.0.1:9/0") as nowhere:
        sources = NewsSources(nowhere, news.bench.settings, providers=[source])
        desk = NewsDesk(news.bench.engine, nowhere, news.bench.settings, sources=sources)
        with pytest.raises(ProviderUnavailable, match="Redis, which counts requests, does not answer"):
            news.read(desk, "AAPL", sources=("finnhub",))
    assert source.asked == []


def test_odd_symbols_of_a_vendor_are_not_stored(news: NewsBench) -> None:
    entry = finnhub_entry("Good", NOW - timedelta(hours=1), related="AAPL,CRYPTO BTC,../x," + "Y" * 99)
    news.vendor.answers(FINNHUB, as_json([entry]))
    desk = news.desk(sources=("finnhub",), finnhub_key=SecretStr("k"), finnhub_url=news.vendor.url)
    news.read(desk, "AAPL")
    assert [row["symbol"] for row in news.bench.platform.rows("SELECT symbol FROM article_symbols")] == ["AAPL"]


def test_a_stored_article_keeps_what_its_source_told(news: NewsBench) -> None:
    at = NOW - timedelta(hours=3)
    entry = finnhub_entry("Apple steigt, und das ist für die Anleger nicht schlecht", at, summary="Mehr dazu.")
    news.vendor.answers(FINNHUB, as_json([entry]))
    desk = news.desk(sources=("finnhub",), finnhub_key=SecretStr("k"), finnhub_url=news.vendor.url)
    (article,) = news.read(desk, "AAPL").articles
    assert (article.published_at, article.language, article.publisher) == (at, "de", "Reuters")
    assert article.published_at.utcoffset() == datetime.now(UTC).utcoffset()
    assert (article.url, article.summary, article.source) == (entry["url"], "Mehr dazu.", "finnhub")
