from datetime import UTC, datetime, timedelta
from time import time

import pytest

from market_data.errors import KeyRefused, NewsRefused, ProviderTimedOut, ProviderUnavailable, RateLimited
from market_data.news import Article
from market_data.providers.finnhub import FinnhubNews
from market_data.providers.news_sources import Budget
from tests.vendors import Reply, Vendor, as_json, finnhub_entry

PATH = "/api/v1/company-news"
KEY = "sekret-key-1234"
UNTIL = datetime(2024, 5, 10, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)


def provider(vendor: Vendor, **options) -> FinnhubNews:
    return FinnhubNews(key=KEY, url=vendor.url, budget=Budget.per_minute(60), **({"max_bytes": 100_000} | options))


def fetch(news: FinnhubNews, timeout_s: float = 5.0) -> list[Article]:
    (question,) = news.questions("AAPL", SINCE, UNTIL)
    return news.read(news.ask(question, timeout_s=timeout_s, known=None), question)


def test_articles_come_in_plain_text_with_times_in_utc(vendor):
    entry = finnhub_entry(
        "Apple&#39;s  <b>profit</b> rises", UNTIL, summary="<p>Up 5%.</p><script>x()</script>", related="AAPL,MSFT"
    )
    vendor.answers(PATH, as_json([entry]))
    (article,) = fetch(provider(vendor))
    assert (article.title, article.summary) == ("Apple's profit rises", "Up 5%.")
    assert (article.published_at, article.publisher, article.source) == (UNTIL, "Reuters", "finnhub")
    assert article.symbols == ("AAPL", "MSFT")
    assert article.url == entry["url"]


def test_the_question_names_symbol_and_days_and_the_key_goes_in_a_header(vendor):
    vendor.answers(PATH, as_json([]))
    assert fetch(provider(vendor)) == []
    (asked,) = vendor.asked
    assert asked.query == {"symbol": ["AAPL"], "from": ["2024-05-03"], "to": ["2024-05-10"]}
    assert asked.headers["x-finnhub-token"] == KEY
    (question,) = provider(vendor).questions("AAPL", SINCE, UNTIL)
    assert KEY not in question.key + question.bucket


def test_entries_that_are_no_articles_are_left_out(vendor):
    good = finnhub_entry("Good", UNTIL)
    bad = [
        finnhub_entry("", UNTIL),
        good | {"datetime": None},
        good | {"datetime": True},
        good | {"datetime": 1e30},
        good | {"headline": 5},
        "text",
        None,
    ]
    vendor.answers(PATH, as_json([*bad, good]))
    assert [article.title for article in fetch(provider(vendor))] == ["Good"]


def test_a_link_that_no_reader_should_open_is_dropped(vendor):
    vendor.answers(PATH, as_json([finnhub_entry("Good", UNTIL, url="javascript:alert(1)")]))
    assert fetch(provider(vendor))[0].url is None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (as_json({"error": "Invalid API key"}, status=401), KeyRefused),
        (as_json({"error": "You don't have access to this resource."}, status=403), NewsRefused),
        (as_json({"error": "API limit reached."}, status=429), RateLimited),
        (Reply(b"<html>oops</html>", status=502), ProviderUnavailable),
        (Reply(status=302, headers={"Location": "/elsewhere"}), NewsRefused),
        (Reply(b"<html>maintenance</html>"), ProviderUnavailable),
        (as_json({"news": []}), ProviderUnavailable),
        (Reply(b"[" * 50_000), ProviderUnavailable),
        (Reply(b" " * 100_001), NewsRefused),
    ],
)
def test_each_failure_has_its_error_and_none_tells_the_key(vendor, reply, error):
    vendor.answers(PATH, reply)
    with pytest.raises(error) as caught:
        fetch(provider(vendor))
    assert type(caught.value) is error
    assert KEY not in str(caught.value)


def test_retry_after_is_told_as_seconds(vendor):
    vendor.answers(PATH, Reply(status=429, headers={"Retry-After": "17"}))
    with pytest.raises(RateLimited) as caught:
        fetch(provider(vendor))
    assert caught.value.retry_after_s == 17.0


def test_without_retry_after_the_reset_time_counts(vendor):
    vendor.answers(PATH, Reply(status=429, headers={"X-Ratelimit-Reset": str(int(time()) + 40)}))
    with pytest.raises(RateLimited) as caught:
        fetch(provider(vendor))
    assert 30.0 < caught.value.retry_after_s <= 40.0


@pytest.mark.parametrize("reset_at", ["²", "soon", "-1", "9" * 5_000])
def test_an_odd_reset_time_is_a_limit_all_the_same(vendor, reset_at):
    vendor.answers(PATH, Reply(status=429, headers={"X-Ratelimit-Reset": reset_at}))
    with pytest.raises(RateLimited) as caught:
        fetch(provider(vendor))
    assert caught.value.retry_after_s in {60.0, 3_600.0}


@pytest.mark.parametrize("reply", [Reply(hangs=True), Reply(drips=True)])
def test_a_server_that_hangs_or_drips_is_given_up(vendor, reply):
    vendor.answers(PATH, reply)
    with pytest.raises(ProviderTimedOut, match=r"Finnhub gave no whole answer within 0\.2 s"):
        fetch(provider(vendor), timeout_s=0.2)


def test_a_server_that_is_not_there_is_unavailable_and_its_address_is_not_told():
    news = FinnhubNews(key=KEY, url="http://127.0.0.1:9", budget=Budget.per_minute(60), max_bytes=1_000)
    with pytest.raises(ProviderUnavailable, match=r"^Finnhub could not be reached \(ConnectError\)$"):
        fetch(news)
