"""News from RSS and Atom feeds, whichever the operator names; an address may hold `{symbol}`.

A feed is asked with the validators of its last answer, and 304 is an answer. XML that declares entities is refused
before the feed parser sees it. A feed's publisher decides what may be done with its articles: see docs/news.md.
"""

from __future__ import annotations

import calendar
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import ParseError

import feedparser
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from market_data.errors import NewsRefused, ProviderUnavailable, UnknownSymbol, require
from market_data.news import Article
from market_data.providers.news_http import Answer, NewsHttp
from market_data.providers.news_sources import Budget, NewsOptions, Question, RawNews
from market_data.providers.news_text import http_url, publisher_of, summary_of, text_at, title_of

BUDGET: Final = Budget.per_minute(120.0)
"""To one host; publishers tell no limits, and this is what a busy reader would do."""

_MAX_REDIRECTS: Final = 3
_PLACE: Final = "{symbol}"
_GONE: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_CLOSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def build(options: NewsOptions) -> RssNews | None:
    if not options.rss_feeds:
        return None
    return RssNews(feeds=options.rss_feeds, max_bytes=options.max_response_bytes)


class RssNews:
    name: Final = "rss"
    lock: Final = None
    budget: Final = BUDGET

    def __init__(self, *, feeds: Sequence[str], max_bytes: int) -> None:
        for feed in feeds:
            told = urlsplit(feed)
            is_web = told.scheme in {"http", "https"} and bool(told.hostname)
            require(is_web, f"a feed must be an address of http or https with a host, was of scheme {told.scheme!r}")
        self._feeds = tuple(feeds)
        self._http = NewsHttp("the feed's server", max_bytes=max_bytes, max_redirects=_MAX_REDIRECTS)

    def questions(self, symbol: str, since: datetime, until: datetime) -> Sequence[Question]:
        asked = []
        for feed in self._feeds:
            host = hashlib.sha256(urlsplit(feed).netloc.encode()).hexdigest()[:16]  # netloc may hold a password
            asked.append(
                Question(
                    key=feed.replace(_PLACE, quote(symbol, safe="")),
                    bucket=f"{self.name}:{host}",
                    symbol=symbol if _PLACE in feed else None,
                    since=since,
                    until=until,
                )
            )
        return asked

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        answer = self._http.get(question.key, headers=_validators(known), timeout_s=timeout_s)
        if answer.status == HTTPStatus.NOT_MODIFIED and known is not None:
            return known
        _check_there(answer, question)
        self._http.check_served(answer)
        _check_xml(answer.body, _host(question))
        return RawNews(
            body=answer.body, etag=answer.headers.get("etag"), last_modified=answer.headers.get("last-modified")
        )

    def read(self, raw: RawNews, question: Question) -> list[Article]:
        _check_xml(raw.body, _host(question))
        # A stream, since bytes could also be taken for the name of a file.
        feed = feedparser.parse(io.BytesIO(raw.body))
        if not feed.version:
            raise ProviderUnavailable(f"the server at {_host(question)} was to answer with a feed, was other XML")
        publisher = text_at(feed.feed, "title") or _host(question)
        found = [_article(entry, publisher, question) for entry in feed.entries]
        return [article for article in found if article is not None]


def _validators(known: RawNews | None) -> dict[str, str]:
    if known is None:
        return {}
    told = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in told.items() if value is not None and value.isascii()}


def _check_there(answer: Answer, question: Question) -> None:
    if answer.status in _GONE and question.symbol is not None:
        raise UnknownSymbol(f"the feeds of {_host(question)} do not know {question.symbol} (HTTP {answer.status})")
    if answer.status in _GONE or answer.status in _CLOSED:
        raise NewsRefused(f"{_host(question)} does not give us this feed (HTTP {answer.status})")


def _check_xml(body: bytes, host: str) -> None:
    try:
        fromstring(body)
    except DefusedXmlException as error:
        told = f"a feed may not declare entities or refer to other files, that of {host} does"
        raise NewsRefused(f"{told} ({type(error).__name__})") from error
    except (ParseError, ValueError, LookupError) as error:  # the last two: encodings that are wrong or unheard of
        raise ProviderUnavailable(f"{host} was to answer with a feed in XML, was broken: {error}") from error


def _article(entry: Any, publisher: str, question: Question) -> Article | None:  # Any: feedparser's own dictionary
    title, moment = title_of(text_at(entry, "title")), _published_at(entry)
    if not title or moment is None:
        return None
    return Article(
        source=RssNews.name,
        title=title,
        published_at=moment,
        url=http_url(text_at(entry, "link")),
        summary=summary_of(text_at(entry, "summary")),
        publisher=publisher_of(text_at(entry, "source", "title")) or publisher_of(publisher),
        symbols=() if question.symbol is None else (question.symbol,),
    )


def _published_at(entry: Any) -> datetime | None:  # Any: feedparser's own dictionary
    # Not both with `get`: it warns where it takes the one for the other.
    told = entry.get("published_parsed") if "published_parsed" in entry else entry.get("updated_parsed")
    try:
        return None if told is None else datetime.fromtimestamp(calendar.timegm(told), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _host(question: Question) -> str:
    return urlsplit(question.key).hostname or "the feed's server"
