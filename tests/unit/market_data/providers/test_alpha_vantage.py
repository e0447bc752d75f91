import logging
from datetime import UTC, datetime, timedelta

import pytest

from market_data.errors import KeyRefused, NewsRefused, ProviderUnavailable, RateLimited, UnknownSymbol
from market_data.news import Article
from market_data.providers.alpha_vantage import AlphaVantageNews
from market_data.providers.news_sources import Budget
from tests.vendors import Reply, Vendor, alpha_vantage_entry, alpha_vantage_feed, as_json

PATH = "/query"
KEY = "SEKRETKEY1234567"
UNTIL = datetime(2024, 5, 10, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)

DAILY = (
    f"We have detected your API key as {KEY} and our standard API rate limit is 25 requests per day. "
    "Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/"
)
MINUTELY = "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls per minute."
BAD_KEY = "the parameter apikey is invalid or missing. Please claim your free API key on (https://...)."
BAD_SYMBOL = "Invalid inputs. Please refer to the API documentation https://... and try again."
PREMIUM = "Thank you for using Alpha Vantage! This is a premium endpoint."


def provider(vendor: Vendor) -> AlphaVantageNews:
    return AlphaVantageNews(key=KEY, url=vendor.url, budget=Budget.per_day(25), max_bytes=100_000)


def fetch(news: AlphaVantageNews) -> list[Article]:
    (question,) = news.questions("AAPL", SINCE, UNTIL)
    return news.read(news.ask(question, timeout_s=5.0, known=None), question)


def test_articles_come_with_the_symbols_that_the_vendor_names(vendor):
    entry = alpha_vantage_entry("Apple &amp; Microsoft rally", UNTIL, "AAPL", "MSFT", summary="Both <i>rose</i>.")
    vendor.answers(PATH, as_json(alpha_vantage_feed(entry)))
    (article,) = fetch(provider(vendor))
    assert (article.title, article.summary) == ("Apple & Microsoft rally", "Both rose.")
    assert (article.published_at, article.publisher) == (UNTIL, "Benzinga")
    assert article.symbols == ("AAPL", "MSFT")


def test_the_question_names_function_ticker_and_day(vendor):
    vendor.answers(PATH, as_json(alpha_vantage_feed()))
    assert fetch(provider(vendor)) == []
    assert {name: values[0] for name, values in vendor.asked[0].query.items()} == {
        "function": "NEWS_SENTIMENT",
        "tickers": "AAPL",
        "sort": "LATEST",
        "limit": "200",
        "time_from": "20240503T0000",
        "apikey": KEY,
    }
    (question,) = provider(vendor).questions("AAPL", SINCE, UNTIL)
    assert KEY not in question.key + question.bucket


@pytest.mark.parametrize(
    ("field", "excuse", "error"),
    [
        ("Information", DAILY, RateLimited),
        ("Note", MINUTELY, RateLimited),
        ("Information", BAD_KEY, KeyRefused),
        ("Error Message", BAD_KEY, KeyRefused),
        ("Information", BAD_SYMBOL, UnknownSymbol),
        ("Error Message", "Invalid API call. Please retry or visit the documentation.", UnknownSymbol),
        ("Information", PREMIUM, NewsRefused),
        ("Note", "something that nobody has seen yet", ProviderUnavailable),
    ],
)
def test_a_sentence_in_place_of_the_feed_is_an_error_that_hides_the_key(vendor, field, excuse, error):
    vendor.answers(PATH, as_json({field: excuse}))
    with pytest.raises(error) as caught:
        fetch(provider(vendor))
    assert type(caught.value) is error
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(("excuse", "wait_s"), [(DAILY, 3_600.0), (MINUTELY, 60.0)])
def test_a_limit_by_the_day_is_waited_for_longer_than_one_by_the_minute(vendor, excuse, wait_s):
    vendor.answers(PATH, as_json({"Note": excuse}))
    with pytest.raises(RateLimited) as caught:
        fetch(provider(vendor))
    assert caught.value.retry_after_s == wait_s


def test_no_articles_in_the_time_asked_for_is_an_answer(vendor):
    vendor.answers(PATH, as_json({"Information": "No articles found. Please adjust the time range."}))
    assert fetch(provider(vendor)) == []


@pytest.mark.parametrize("reply", [as_json([]), as_json({}), as_json({"feed": "none"}), Reply(b"\xff"), Reply()])
def test_an_answer_of_another_shape_is_no_answer(vendor, reply):
    vendor.answers(PATH, reply)
    with pytest.raises(ProviderUnavailable, match="Alpha Vantage was to answer with"):
        fetch(provider(vendor))


def test_entries_without_a_title_or_a_time_are_left_out(vendor):
    good = alpha_vantage_entry("Good", UNTIL, "AAPL")
    bad = [good | {"title": "<br>"}, good | {"time_published": "yesterday"}, good | {"time_published": None}]
    vendor.answers(PATH, as_json(alpha_vantage_feed(*bad, good | {"ticker_sentiment": None})))
    assert [(article.title, article.symbols) for article in fetch(provider(vendor))] == [("Good", ("AAPL",))]


def test_the_key_reaches_no_log_at_any_level(vendor, caplog):
    vendor.answers(PATH, as_json(alpha_vantage_feed()))
    with caplog.at_level(logging.DEBUG):
        fetch(provider(vendor))
    assert KEY not in caplog.text
