"""News from Yahoo Finance, through the library `yfinance` and the session in yahoo.py.

Yahoo's terms allow personal use.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import yfinance
from curl_cffi.requests import Response
from curl_cffi.requests.exceptions import Timeout
from yfinance.exceptions import YFRateLimitError

from market_data.errors import DomainError, NewsRefused, ProviderTimedOut, ProviderUnavailable, RateLimited
from market_data.news import Article
from market_data.providers.news_sources import Budget, NewsOptions, Question, RawNews
from market_data.providers.news_text import (
    entries_of,
    http_url,
    parsed_json,
    publisher_of,
    summary_of,
    text_at,
    title_of,
)
from market_data.providers.yahoo import LIBRARY_ERRORS, LIBRARY_LOCK, TIMEOUT_S, YahooSession

BUDGET: Final = Budget.per_minute(60.0)
"""Yahoo tells no limit; it has turned away clients that asked a few times a second."""

_WHOSE: Final = "Yahoo"
_NEWS_PATH: Final = "/xhr/ncp"
_MAX_ARTICLES: Final = 50

# For these the library fetches new cookies and asks a second time.
_RETRIED_WITH_OTHER_COOKIES: Final = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
)


def build(options: NewsOptions) -> YfinanceNews:
    return YfinanceNews(max_bytes=options.max_response_bytes)


class YfinanceNews:
    """base_url stands in for every host of Yahoo's."""

    name: Final = "yfinance"
    budget: Final = BUDGET
    lock: Final = LIBRARY_LOCK

    def __init__(self, *, max_bytes: int, base_url: str | None = None) -> None:
        self._max_bytes = max_bytes
        self._session = YahooSession(base_url=base_url, timeout_s=TIMEOUT_S, check=self._check)
        self._news_status = 0

    def questions(self, symbol: str, since: datetime, until: datetime) -> Sequence[Question]:
        return (Question(key=symbol, bucket=self.name, symbol=symbol, since=since, until=until),)

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        del known  # it tells no validators
        with warnings.catch_warnings():
            # The library still calls what pandas is giving up: its authors' affair, not our reader's.
            warnings.simplefilter("ignore")
            self._session.start(timeout_s)
            self._news_status = 0
            try:
                # The session goes in each time: the library has one for the process, and prices have another.
                ticker = yfinance.Ticker(question.key, session=self._session)
                stream = ticker.get_news(count=_MAX_ARTICLES)
            except DomainError:
                raise
            except LIBRARY_ERRORS as error:
                raise self._translated(error, timeout_s) from error
        return RawNews(body=json.dumps(stream).encode())

    def read(self, raw: RawNews, question: Question) -> list[Article]:
        found = []
        for entry in entries_of(parsed_json(raw.body, _WHOSE), _WHOSE):
            content = entry.get("content")
            title, published_at = title_of(text_at(content, "title")), _utc(text_at(content, "pubDate"))
            if title and published_at is not None:
                found.append(
                    Article(
                        source=self.name,
                        title=title,
                        published_at=published_at,
                        url=_url(content),
                        summary=summary_of(text_at(content, "summary") or text_at(content, "description")),
                        publisher=publisher_of(text_at(content, "provider", "displayName")),
                        symbols=_symbols(content, question.symbol),
                    )
                )
        return found

    def _check(self, path: str, answer: Response) -> None:
        if path != _NEWS_PATH:
            return
        self._news_status = answer.status_code
        if len(answer.content) > self._max_bytes:
            raise NewsRefused(f"{_WHOSE} may answer with {self._max_bytes} bytes at most, and sent more")
        if answer.status_code >= HTTPStatus.BAD_REQUEST and answer.status_code not in _RETRIED_WITH_OTHER_COOKIES:
            raise ProviderUnavailable(f"{_WHOSE} was to answer with news, was HTTP {answer.status_code}")

    def _translated(self, error: Exception, timeout_s: float) -> ProviderUnavailable:
        if isinstance(error, YFRateLimitError):
            return RateLimited(f"{_WHOSE} refuses us for asking too often (HTTP 429)")
        if isinstance(error, Timeout):
            return ProviderTimedOut(f"{_WHOSE} gave no whole answer within {timeout_s:.3g} s")
        if self._news_status >= HTTPStatus.BAD_REQUEST:
            return ProviderUnavailable(f"{_WHOSE} was to answer with news, was HTTP {self._news_status}")
        if isinstance(error, OSError):
            return ProviderUnavailable(f"{_WHOSE} could not be reached ({type(error).__name__})")
        return ProviderUnavailable(f"{_WHOSE}'s news were not understood ({type(error).__name__})")


def _utc(text: str) -> datetime | None:
    """Return the moment of a text such as 2024-11-20T14:00:00Z, None for another."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter: a zone may lead out of the calendar
        return None


def _url(content: Any) -> str | None:  # Any: JSON of any shape
    return http_url(text_at(content, "canonicalUrl", "url") or text_at(content, "clickThroughUrl", "url"))


def _symbols(content: Any, asked: str | None) -> tuple[str, ...]:  # Any: JSON of any shape
    finance = content.get("finance") if isinstance(content, dict) else None
    tickers = finance.get("stockTickers") if isinstance(finance, dict) else None
    named = [text_at(ticker, "symbol") for ticker in tickers] if isinstance(tickers, list) else []
    return tuple(dict.fromkeys(symbol for symbol in (asked, *named) if symbol))
