"""What is a source's failure and what is ours: waiting for our own lock, our own hurry, answers that nobody foresaw."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pydantic import SecretStr

from backend.core.heartbeats import PROVIDERS
from market_data.errors import ProviderUnavailable
from market_data.news import Article
from market_data.providers.news_sources import Question, RawNews
from market_data.providers.yahoo import LIBRARY_LOCK
from market_data.providers.yfinance_news import YfinanceNews
from tests.news_bench import NOW, NewsBench, Told
from tests.vendors import Reply, as_json, finnhub_entry, yahoo_entry, yahoo_stream
from tests.waiting import eventually
from workers.news_round import THREADS

FINNHUB, YAHOO = "/api/v1/company-news", "/xhr/ncp"
SYMBOLS = [f"S{i}" for i in range(THREADS)]


def yahoo(news: NewsBench, reply: Reply) -> YfinanceNews:
    news.vendor.answers("/v1/test/getcrumb", Reply(b"a-crumb"))
    news.vendor.answers(YAHOO, reply)
    return YfinanceNews(max_bytes=100_000, base_url=news.vendor.url)


def is_known_as_failed(news: NewsBench, source: str) -> bool:
    breaker = news.bench.broker.keys("aitrader:breaker:*")
    return bool(breaker) or news.bench.broker.hexists(PROVIDERS, f"news:{source}")


def test_a_slow_library_that_serves_one_at_a_time_is_not_taken_for_a_dead_one(news: NewsBench) -> None:
    timeout_s, after_s = 1.5, 0.3
    assert THREADS * after_s > timeout_s + 0.5  # the last one waits longer for his turn than a request may take
    slow = yahoo(news, as_json(yahoo_stream(yahoo_entry("Good", NOW - timedelta(hours=1))), after_s=after_s))
    read = news.read(news.desk(slow, timeout_s=timeout_s), *SYMBOLS)
    assert read.failures == ()
    assert set(read.articles[0].symbols) == set(SYMBOLS)
    assert len(news.vendor.asked_for(YAHOO)) == THREADS
    assert not LIBRARY_LOCK.locked()


def test_those_who_wait_for_one_that_hangs_do_not_hang_in_turn(news: NewsBench) -> None:
    desk = news.desk(yahoo(news, Reply(hangs=True)), Told("rss", {s: [f"News of {s}"] for s in SYMBOLS}), timeout_s=0.5)
    began_s = time.monotonic()
    read = news.read(desk, *SYMBOLS)
    assert time.monotonic() - began_s < 2.0
    assert len(read.articles) == THREADS
    assert len(news.vendor.asked_for(YAHOO)) == 1
    assert {failure.source for failure in read.failures} == {"yfinance"}
    news.vendor.let_go.set()
    eventually(lambda: not LIBRARY_LOCK.locked(), timeout_s=5, what="the library")


def test_a_lock_that_others_hold_is_no_failure_of_the_source(news: NewsBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.news_round.NOTHING_YET_S", 0.6)
    lock = threading.Lock()
    source = Told("finnhub", {"AAPL": ["Good"]}, lock=lock)
    with lock, pytest.raises(ProviderUnavailable, match="finnhub was not asked: no time was left"):
        news.read(news.desk(source), "AAPL")
    assert source.asked == []
    assert not is_known_as_failed(news, "finnhub")
    assert len(news.read(news.desk(source), "AAPL").articles) == 1


@dataclass
class Stuck(Told):
    """Does not answer before it is let go, whatever its timeout."""

    let_go: threading.Event = field(default_factory=threading.Event)

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        self.let_go.wait()
        return super().ask(question, timeout_s=timeout_s, known=known)


def test_a_request_that_no_timeout_reaches_is_left_behind(news: NewsBench) -> None:
    stuck = Stuck("finnhub")
    there = Told("rss", {"AAPL": ["Good"]})
    began_s = time.monotonic()
    read = news.read(news.desk(stuck, there, timeout_s=0.3), "AAPL")
    assert time.monotonic() - began_s < 2.0
    stuck.let_go.set()
    assert [article.title for article in read.articles] == ["Good"]
    assert [(failure.source, failure.code) for failure in read.failures] == [("finnhub", "provider_timed_out")]


def test_a_request_that_was_given_up_keeps_the_lock_until_it_ends(news: NewsBench) -> None:
    lock = threading.Lock()
    stuck = Stuck("finnhub", {"AAPL": ["Good"]}, lock=lock)
    desk = news.desk(stuck, timeout_s=0.1)
    with pytest.raises(ProviderUnavailable, match="gave no answer within"):
        news.read(desk, "AAPL")
    news.bench.broker.flushdb()  # as if it had been left alone for its time
    with pytest.raises(ProviderUnavailable, match="a request that was given up has not ended yet"):
        news.read(desk, "AAPL")
    assert not is_known_as_failed(news, "finnhub")
    stuck.let_go.set()
    eventually(lambda: not lock.locked(), timeout_s=5, what="the lock")
    assert len(news.read(desk, "AAPL").articles) == 1


def test_a_source_that_had_less_than_its_time_is_not_left_alone_for_it(
    news: NewsBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.news_round.NOTHING_YET_S", 0.4)
    news.vendor.answers(FINNHUB, Reply(hangs=True))
    desk = news.desk(sources=("finnhub",), finnhub_key=SecretStr("k"), finnhub_url=news.vendor.url, timeout_s=5.0)
    for asked in (1, 2):
        with pytest.raises(ProviderUnavailable, match="Finnhub gave no whole answer within"):
            news.read(desk, "AAPL")
        assert len(news.vendor.asked) == asked
    assert not is_known_as_failed(news, "finnhub")


class Odd(Told):
    """Answers what nobody foresaw."""

    def read(self, raw: RawNews, question: Question) -> list[Article]:
        raise UnicodeError(f"cannot read what k-sekret was told of {question.symbol}")


class Broken(Told):
    """Asks in a way that nobody foresaw."""

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        raise RuntimeError("https://a.example/?token=k-sekret")


@pytest.mark.parametrize("is_about_all", [False, True])
@pytest.mark.parametrize("source", [Odd, Broken])
def test_an_error_that_nobody_foresaw_costs_a_job_one_source(
    news: NewsBench, capsys: pytest.CaptureFixture[str], source: Callable[..., Told], *, is_about_all: bool
) -> None:
    there = Told("rss", {symbol: [f"News of {symbol}"] for symbol in ("AAPL", "MSFT")})
    read = news.read(news.desk(source("finnhub", is_about_all=is_about_all), there), "AAPL", "MSFT")
    assert len(read.articles) == 2
    (failure,) = read.failures
    assert (failure.source, failure.code) == ("finnhub", "provider_unavailable")
    printed = capsys.readouterr()
    assert "news_not_understood" in printed.out + printed.err
    assert "k-sekret" not in printed.out + printed.err + failure.message


def test_odd_articles_are_stored_without_what_is_odd(news: NewsBench) -> None:
    at = NOW - timedelta(hours=1)
    entries = [
        finnhub_entry("One", at, url="https://a.example/\ud800", source="The\x00 Paper"),
        finnhub_entry("Two", at, url="http://[x]/", source="\ud800"),
        finnhub_entry("Three", at, url="https://a.example/\x00"),
    ]
    news.vendor.answers(FINNHUB, as_json(entries))
    desk = news.desk(sources=("finnhub",), finnhub_key=SecretStr("k"), finnhub_url=news.vendor.url)
    read = news.read(desk, "AAPL")
    assert {(one.title, one.url, one.publisher) for one in read.articles} == {
        ("One", None, "The Paper"),
        ("Two", None, None),
        ("Three", None, "Reuters"),
    }
