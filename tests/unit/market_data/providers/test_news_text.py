from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.providers.news_text import http_url, plain_text, text_at, utc_of_seconds


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


@pytest.mark.parametrize("link", ["javascript:x", "/relative", "", "https://a/" + "x" * 10_001])
def test_links_that_no_reader_could_open_are_none(link):
    assert http_url(link) is None
