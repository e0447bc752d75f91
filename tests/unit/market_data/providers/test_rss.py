from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from market_data.errors import (
    DomainError,
    NewsRefused,
    ProviderTimedOut,
    ProviderUnavailable,
    RateLimited,
    UnknownSymbol,
)
from market_data.news import Article
from market_data.providers import news_http
from market_data.providers.news_sources import RawNews
from market_data.providers.rss import RssNews
from tests.vendors import Reply, Vendor, rss_feed, rss_item

UNTIL = datetime(2024, 5, 10, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=7)

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><rss version="2.0"><channel><title>&c;</title></channel></rss>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<rss version="2.0"><channel><title>&f;</title></channel></rss>"""
ATOM = b"""<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Desk</title>
<entry><title type="html">Apple &lt;b&gt;up&lt;/b&gt;</title><link href="https://desk.example/1"/>
<updated>2024-05-09T08:00:00-04:00</updated><summary>Shares rose.</summary></entry></feed>"""


def provider(vendor: Vendor, path: str = "/feed?s={symbol}", max_bytes: int = 100_000) -> RssNews:
    return RssNews(feeds=[vendor.url + path], max_bytes=max_bytes)


def fetch(news: RssNews, *, timeout_s: float = 5.0) -> list[Article]:
    (question,) = news.questions("AAPL", SINCE, UNTIL)
    return news.read(news.ask(question, timeout_s=timeout_s, known=None), question)


def test_articles_of_a_feed_about_a_symbol_carry_that_symbol(vendor):
    at = datetime(2024, 5, 9, 22, tzinfo=timezone(timedelta(hours=-4)))
    item = rss_item("Apple &amp; friends", at, description="&lt;p&gt;Shares&lt;/p&gt; rose")
    vendor.answers("/feed", Reply(rss_feed(item)))
    (article,) = fetch(provider(vendor))
    assert (article.title, article.summary, article.publisher) == ("Apple & friends", "Shares rose", "A Paper")
    assert article.published_at == datetime(2024, 5, 10, 2, tzinfo=UTC)
    assert article.published_at.utcoffset() == timedelta(0)
    assert article.symbols == ("AAPL",)
    assert vendor.asked[0].query == {"s": ["AAPL"]}


def test_a_symbol_cannot_change_the_address(vendor):
    (question,) = provider(vendor).questions("^A/../=&x", SINCE, UNTIL)
    assert question.key == f"{vendor.url}/feed?s=%5EA%2F..%2F%3D%26x"


def test_a_feed_about_everything_names_no_symbol(vendor):
    vendor.answers("/feed", Reply(rss_feed(rss_item("Markets fall", UNTIL))))
    news = provider(vendor, "/feed")
    (question,) = news.questions("AAPL", SINCE, UNTIL)
    assert question.symbol is None
    assert fetch(news)[0].symbols == ()
    assert question == news.questions("AAPL", SINCE, UNTIL)[0]
    assert question.key == news.questions("MSFT", SINCE, UNTIL)[0].key


def test_atom_is_read_as_well(vendor):
    vendor.answers("/feed", Reply(ATOM))
    (article,) = fetch(provider(vendor))
    assert (article.title, article.publisher, article.url) == ("Apple up", "Desk", "https://desk.example/1")
    assert article.published_at == datetime(2024, 5, 9, 12, tzinfo=UTC)


def test_entries_without_a_title_or_a_date_are_left_out(vendor):
    undated = "<item><title>No date</title></item><item><title>Odd</title><pubDate>soon</pubDate></item>"
    untitled = f"<item><pubDate>{format_datetime(UNTIL)}</pubDate></item>"
    vendor.answers("/feed", Reply(rss_feed(undated, untitled, rss_item("Good", UNTIL))))
    assert [article.title for article in fetch(provider(vendor))] == ["Good"]


def test_validators_go_back_and_304_is_answered_from_what_is_known(vendor):
    reply = Reply(rss_feed(rss_item("Good", UNTIL)), etag='"v1"', headers={"Last-Modified": format_datetime(UNTIL)})
    vendor.answers("/feed", reply)
    news = provider(vendor)
    (question,) = news.questions("AAPL", SINCE, UNTIL)
    first = news.ask(question, timeout_s=5.0, known=None)
    assert (first.etag, first.last_modified) == ('"v1"', format_datetime(UNTIL))
    assert news.ask(question, timeout_s=5.0, known=first) is first
    assert vendor.asked[1].headers["if-none-match"] == '"v1"'
    assert vendor.asked[1].headers["if-modified-since"] == format_datetime(UNTIL)
    vendor.answers("/feed", Reply(rss_feed(rss_item("New", UNTIL)), etag='"v2"'))
    assert news.ask(question, timeout_s=5.0, known=first).etag == '"v2"'


def test_a_validator_that_no_header_can_hold_is_not_sent_back(vendor):
    vendor.answers("/feed", Reply(rss_feed(rss_item("Good", UNTIL)), headers={"ETag": '"caf\xe9"'}))
    news = provider(vendor)
    (question,) = news.questions("AAPL", SINCE, UNTIL)
    first = news.ask(question, timeout_s=5.0, known=None)
    assert first.etag == '"caf\xe9"'
    assert news.ask(question, timeout_s=5.0, known=first).body == first.body
    assert "if-none-match" not in vendor.asked[1].headers


def test_a_feed_at_a_name_that_no_resolver_takes_is_unavailable():
    with pytest.raises(ProviderUnavailable, match="could not be reached"):
        fetch(RssNews(feeds=[f"http://{'x' * 64}.example/"], max_bytes=1_000))


def test_304_to_a_question_without_validators_is_no_answer(vendor):
    vendor.answers("/feed", Reply(status=304))
    with pytest.raises(ProviderUnavailable, match="was HTTP 304"):
        fetch(provider(vendor))


@pytest.mark.parametrize("body", [BOMB, OUTSIDE])
def test_xml_that_declares_entities_is_refused(vendor, body):
    vendor.answers("/feed", Reply(body))
    with pytest.raises(NewsRefused, match="may not declare entities"):
        fetch(provider(vendor))
    (question,) = provider(vendor).questions("AAPL", SINCE, UNTIL)
    with pytest.raises(NewsRefused):  # nor is it read when it was kept somewhere
        provider(vendor).read(RawNews(body=body), question)


@pytest.mark.parametrize(
    "body",
    [
        rss_feed(rss_item("Cut", UNTIL))[:-9],
        b"",
        b"\xff\xfe\x00",
        b"<html><body>Hello<br></body></html>",
        b'<?xml version="1.0" encoding="klingon"?><rss/>',
        b"<?xml version='1.0'?><opml><head/></opml>",
    ],
)
def test_what_is_no_feed_is_no_answer(vendor, body):
    vendor.answers("/feed", Reply(body))
    with pytest.raises(ProviderUnavailable, match="was to answer with a feed"):
        fetch(provider(vendor))


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/feed?s={symbol}", 404, UnknownSymbol),
        ("/feed", 404, NewsRefused),
        ("/feed", 410, NewsRefused),
        ("/feed", 403, NewsRefused),
        ("/feed", 500, ProviderUnavailable),
        ("/feed", 503, ProviderUnavailable),
        ("/feed", 429, RateLimited),
    ],
)
def test_each_status_has_its_error(vendor, path, status, error):
    vendor.answers("/feed", Reply(status=status))
    with pytest.raises(error) as caught:
        fetch(provider(vendor, path))
    assert type(caught.value) is error


def test_busy_with_a_time_to_come_back_is_a_limit(vendor):
    later = datetime.now(UTC) + timedelta(seconds=90)
    vendor.answers("/feed", Reply(status=503, headers={"Retry-After": format_datetime(later, usegmt=True)}))
    with pytest.raises(RateLimited) as caught:
        fetch(provider(vendor))
    assert 80.0 < caught.value.retry_after_s <= 90.0


def test_redirects_are_followed_to_an_end(vendor):
    vendor.answers("/feed", Reply(status=301, headers={"Location": "/moved"}))
    vendor.answers("/moved", Reply(rss_feed(rss_item("Good", UNTIL))))
    assert [article.title for article in fetch(provider(vendor))] == ["Good"]


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("/feed", "may redirect 3 times at most"),
        ("file:///etc/passwd", "http and https only, not to 'file'"),
        ("gopher://127.0.0.1/", "http and https only"),
        ("http://localhost:1/", "inside our own network"),
        ("http://169.254.169.254/latest/meta-data", "inside our own network"),
        ("http://[", "redirects to what is no address"),
        (f"http://{'x' * 64}.example/", "redirects to what is no address"),
        ("http://a..example/", "redirects to what is no address"),
    ],
)
def test_redirects_lead_nowhere_else(vendor, location, told):
    vendor.answers("/feed", Reply(status=302, headers={"Location": location}))
    with pytest.raises(NewsRefused, match=told):
        fetch(provider(vendor))


@pytest.mark.parametrize("location", ["//[x]/", "http://a:99999999/", "http://[::1"])
def test_a_redirect_to_an_odd_address_is_one_of_our_errors(vendor, location):
    vendor.answers("/feed", Reply(status=302, headers={"Location": location}))
    with pytest.raises((NewsRefused, ProviderUnavailable)):
        fetch(provider(vendor))


def test_an_answer_over_the_limit_is_refused_before_it_is_read_whole(vendor):
    vendor.answers("/feed", Reply(b" " * 500_000))
    with pytest.raises(NewsRefused, match="may answer with 1000 bytes at most"):
        fetch(provider(vendor, max_bytes=1_000))


def test_a_server_that_drips_is_given_up(vendor):
    vendor.answers("/feed", Reply(drips=True))
    with pytest.raises(ProviderTimedOut):
        fetch(provider(vendor), timeout_s=0.2)


@pytest.mark.parametrize("feed", ["file:///etc/passwd", "ftp://x/y", "/feed", "http://", ""])
def test_a_feed_that_is_no_web_address_is_refused_at_once(feed):
    with pytest.raises(DomainError, match="must be an address of http or https"):
        RssNews(feeds=[feed], max_bytes=1)


def test_no_message_tells_the_address_of_a_feed(vendor):
    vendor.answers("/feed", Reply(status=500))
    with pytest.raises(ProviderUnavailable) as caught:
        fetch(provider(vendor, "/feed?token=hidden"))
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("told", "wait_s"), [("5", 5.0), ("1.5", 1.5), ("-3", None), ("soon", None), ("", None), ("9999999", 86_400.0)]
)
def test_retry_after_in_its_forms(told, wait_s):
    assert news_http.retry_after_s({"retry-after": told}, UNTIL) == wait_s
