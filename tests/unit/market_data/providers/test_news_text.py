from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.news import Article
from market_data.providers.news_text import http_url, plain_text, publisher_of, text_at, title_of, utc_of_seconds


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("App<b>le</b> rises", "Apple rises"),
        ("Fish &amp;amp; chips", "Fish & chips"),
        ("Shares of <AAPL.O> rose", "Shares of <AAPL.O> rose"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("<style>p{}</style>seen<script>x</script> too", "seen too"),
        ("a\x00b\n\tc", "a b c"),
        ("half \ud800 a pair", "half a pair"),
        ("<p>Seen</p><![odd[one]]>", "Seen"),
        ("", ""),
    ],
)
def test_what_a_page_would_show_is_kept(html, told):
    assert plain_text(html, 100) == told


@given(st.text(max_size=200))
def test_plain_text_is_one_line_that_a_database_takes(text):
    told = plain_text(text, 50)
    assert len(told) <= 50
    assert "\x00" not in told
    assert "\n" not in told
    told.encode()


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("0", None),
        (None, None),
        (True, None),
        (1e40, None),
        (float("nan"), None),
    ],
)
def test_seconds_that_are_no_time_are_none(seconds, moment):
    assert utc_of_seconds(seconds) == moment


def test_text_at_a_path_that_is_not_there_is_empty():
    assert text_at({"a": {"b": " c "}}, "a", "b") == "c"
    assert text_at({"a": None}, "a", "b") == text_at([], "a") == text_at({"a": 1}, "a") == ""


@pytest.mark.parametrize(
    "link",
    [
        "javascript:x",
        "/relative",
        "",
        "https://a/" + "x" * 10_001,
        "https://a/half\ud800",
        "https://a/\x00",
        "https://a/1\n2",
        "http://[",
        "http://[x]/",
        "https://",
        "https://:80/",
    ],
)
def test_links_that_no_reader_could_open_are_none(link):
    assert http_url(link) is None


@pytest.mark.parametrize("link", ["https://a.com/1?b=2", "http://[::1]/x", "https://a.com/ü 1"])
def test_links_that_a_reader_could_open_are_kept(link):
    assert http_url(link) == link


@given(st.text(st.characters(categories=None), max_size=60))
def test_whatever_a_vendor_sends_an_article_has_a_key_and_fits_a_database(text):
    link, publisher = http_url(f"https://a.example/{text}"), publisher_of(text)
    at = datetime(2024, 5, 10, tzinfo=UTC)
    article = Article(source="rss", title=title_of(text) or "Untitled", published_at=at, url=link, publisher=publisher)
    assert len(article.key) == 32
    told = f"{article.title}{link}{publisher}"
    assert "\x00" not in told
    assert told.encode().decode() == told


def test_a_publisher_is_plain_text_or_none():
    assert publisher_of("<b>The\x00 Paper</b> \ud800") == "The Paper"
    assert publisher_of("\x00") is None
    assert len(publisher_of("x" * 999) or "") == 200
