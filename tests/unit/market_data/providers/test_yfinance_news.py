"""Against a local server that answers in Yahoo's format, through the real library."""

from datetime import UTC, datetime, timedelta

import pytest

from market_data.errors import NewsRefused, ProviderTimedOut, ProviderUnavailable, RateLimited
from market_data.news import Article
from market_data.providers.yahoo import LIBRARY_LOCK
from market_data.providers.yfinance import YfinanceProvider
from market_data.providers.yfinance_news import YfinanceNews
from tests.vendors import Reply, Vendor, as_json, running_vendor, yahoo_entry, yahoo_stream

PATH = "/xhr/ncp"
UNTIL = datetime(2024, 5, 10, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)


@pytest.fixture(autouse=True)
def _crumb(vendor: Vendor) -> None:
    vendor.answers("/v1/test/getcrumb", Reply(b"a-crumb"))


def provider(vendor: Vendor, max_bytes: int = 100_000) -> YfinanceNews:
    return YfinanceNews(max_bytes=max_bytes, base_url=vendor.url)


def fetch(news: YfinanceNews, *, timeout_s: float = 5.0) -> list[Article]:
    (question,) = news.questions("AAPL", SINCE, UNTIL)
    with news.lock:
        raw = news.ask(question, timeout_s=timeout_s, known=None)
    return news.read(raw, question)


def test_articles_come_with_publisher_symbols_and_times_in_utc(vendor):
    entry = yahoo_entry(
        "Apple rises", UNTIL, "AAPL", "QQQ", summary="<p>By 5%</p>", pubDate="2024-05-10T08:00:00-04:00"
    )
    vendor.answers(PATH, as_json(yahoo_stream(entry)))
    (article,) = fetch(provider(vendor))
    assert (article.title, article.summary, article.publisher) == ("Apple rises", "By 5%", "Bloomberg")
    assert (article.published_at, article.published_at.utcoffset()) == (UNTIL, timedelta(0))
    assert article.symbols == ("AAPL", "QQQ")
    assert article.url == entry["content"]["canonicalUrl"]["url"]


def test_advertisements_and_entries_without_title_or_time_are_left_out(vendor):
    good = yahoo_entry("Good", UNTIL)
    stream = [
        good | {"ad": ["buy this"]},
        yahoo_entry("", UNTIL),
        yahoo_entry("When?", UNTIL, pubDate=None),
        {"id": "x", "content": None},
        {"id": "y"},
        good,
    ]
    vendor.answers(PATH, as_json(yahoo_stream(*stream)))
    assert [article.title for article in fetch(provider(vendor))] == ["Good"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=429), RateLimited),
        (Reply(b"<html>", status=500), ProviderUnavailable),
        (Reply(b"{}", status=404), ProviderUnavailable),
        (Reply(b"Forbidden", status=403), ProviderUnavailable),
        (Reply(b"<html>hello</html>"), ProviderUnavailable),
        (Reply(b"Will be right back"), ProviderUnavailable),
        (Reply(b" " * 100_001), NewsRefused),
        (as_json([1, 2]), ProviderUnavailable),
    ],
)
def test_each_failure_has_its_error(vendor, reply, error):
    vendor.answers(PATH, reply)
    with pytest.raises(error) as caught:
        fetch(provider(vendor))
    assert type(caught.value) is error


def test_a_server_that_hangs_is_given_up(vendor):
    vendor.answers(PATH, Reply(hangs=True))
    with pytest.raises(ProviderTimedOut):
        fetch(provider(vendor), timeout_s=0.4)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon"])
def test_an_article_of_no_time_that_there_is_is_left_out(vendor, moment):
    vendor.answers(PATH, as_json(yahoo_stream(yahoo_entry("Odd", UNTIL, pubDate=moment), yahoo_entry("Good", UNTIL))))
    assert [article.title for article in fetch(provider(vendor))] == ["Good"]


def test_an_odd_address_or_publisher_costs_no_article(vendor):
    odd = {"canonicalUrl": {"url": "https://a.com/\ud800"}, "provider": {"displayName": "The\x00 Paper"}}
    vendor.answers(PATH, as_json(yahoo_stream(yahoo_entry("Good", UNTIL, **odd))))
    (article,) = fetch(provider(vendor))
    assert (article.title, article.url, article.publisher) == ("Good", None, "The Paper")


def test_the_librarys_one_session_serves_news_and_prices_in_turn(vendor):
    vendor.answers(PATH, as_json(yahoo_stream(yahoo_entry("Good", UNTIL))))
    with running_vendor() as other:
        prices = YfinanceProvider(base_url=other.url, timeout_s=1.0)
        news = provider(vendor)
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                prices.fetch("AAPL", "1d")
            assert [article.title for article in fetch(news)] == ["Good"]
        assert other.asked_for("/v8/finance/chart/AAPL")
        assert not vendor.asked_for("/v8/finance/chart/AAPL")
        assert not other.asked_for(PATH)
    assert not LIBRARY_LOCK.locked()
