from datetime import UTC, datetime

import pytest

from market_data.errors import DomainError
from market_data.news import Article, canonical_url, check_news_source

AT = datetime(2024, 5, 10, tzinfo=UTC)


def article(**values) -> Article:
    return Article(**({"source": "rss", "title": "Apple rises", "published_at": AT} | values))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.com/news/1?.tsrc=rss", "http://A.com/news/1/"),
        ("https://a.com/1?utm_source=x&UTM_medium=y&id=5#top", "https://a.com/1?id=5"),
        ("https://a.com/1?b=2&a=1", "https://a.com/1?a=1&b=2"),
        ("https://a.com/story?123&fbclid", "https://a.com/story?123"),
    ],
)
def test_one_article_under_two_addresses_has_one_key(one, other):
    assert article(url=one).key == article(url=other, title="Another title").key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://finnhub.io/api/news?id=1", "https://finnhub.io/api/news?id=2"),
        ("https://a.com/A", "https://a.com/a"),
        ("https://a.com/story?123", "https://a.com/story?456"),
        ("https://a.com/story?id=", "https://a.com/story"),
        ("https://a.com/1", "https://b.com/1"),
    ],
)
def test_two_articles_have_two_keys(one, other):
    assert article(url=one).key != article(url=other).key


def test_without_an_address_the_title_is_the_key():
    assert article().key == article(title="APPLE rises", summary="more").key
    assert article().key != article(title="Apple falls").key


def test_an_address_that_cannot_be_read_still_names_its_article():
    assert canonical_url("http://[::1") == "http://[::1"


def test_the_text_is_title_and_summary():
    assert article().text == "Apple rises"
    assert article(summary="By 5%.").text == "Apple rises\nBy 5%."


@pytest.mark.parametrize("values", [{"title": " "}, {"published_at": datetime(2024, 5, 10)}])  # noqa: DTZ001 -- the point
def test_an_article_needs_a_title_and_a_zone(values):
    with pytest.raises(DomainError):
        article(**values)


def test_an_unknown_source_is_refused():
    assert check_news_source("rss") == "rss"
    with pytest.raises(DomainError, match="was 'x'"):
        check_news_source("x")
