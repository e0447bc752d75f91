"""News about companies from Finnhub, `/api/v1/company-news`; free keys may ask 60 times a minute.

https://finnhub.io/docs/api/company-news. Times are seconds since 1970. A free key is refused (403) for companies
outside North America, which says nothing about the next symbol.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from market_data.errors import KeyRefused, NewsRefused, RateLimited
from market_data.news import Article
from market_data.providers.news_http import Answer, NewsHttp
from market_data.providers.news_sources import Budget, NewsOptions, Question, RawNews
from market_data.providers.news_text import (
    entries_of,
    http_url,
    parsed_json,
    publisher_of,
    summary_of,
    text_at,
    title_of,
    utc_of_seconds,
)

_WHOSE: Final = "Finnhub"


def build(options: NewsOptions) -> FinnhubNews | None:
    if options.finnhub_key is None:
        return None
    return FinnhubNews(
        key=options.finnhub_key.get_secret_value(),
        url=options.finnhub_url,
        budget=Budget.per_minute(options.finnhub_per_minute),
        max_bytes=options.max_response_bytes,
    )


class FinnhubNews:
    name: Final = "finnhub"
    lock: Final = None

    def __init__(self, *, key: str, url: str, budget: Budget, max_bytes: int) -> None:
        self._key = key
        self._url = url.rstrip("/")
        self.budget = budget
        self._bucket = f"{self.name}:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        self._http = NewsHttp(_WHOSE, max_bytes=max_bytes)  # no redirects: the key goes where it was meant for

    def questions(self, symbol: str, since: datetime, until: datetime) -> Sequence[Question]:
        asked = urlencode({"symbol": symbol, "from": f"{since:%Y-%m-%d}", "to": f"{until:%Y-%m-%d}"})
        key = f"{self._url}/api/v1/company-news?{asked}"
        return (Question(key=key, bucket=self._bucket, symbol=symbol, since=since, until=until),)

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        del known  # it tells no validators
        answer = self._http.get(question.key, headers={"X-Finnhub-Token": self._key}, timeout_s=timeout_s)
        _check(answer, question)
        self._http.check_served(answer)
        return RawNews(body=answer.body)

    def read(self, raw: RawNews, question: Question) -> list[Article]:
        found = []
        for entry in entries_of(parsed_json(raw.body, _WHOSE), _WHOSE):
            title, published_at = title_of(text_at(entry, "headline")), utc_of_seconds(entry.get("datetime"))
            if title and published_at is not None:
                found.append(
                    Article(
                        source=self.name,
                        title=title,
                        published_at=published_at,
                        url=http_url(text_at(entry, "url")),
                        summary=summary_of(text_at(entry, "summary")),
                        publisher=publisher_of(text_at(entry, "source")),
                        symbols=_symbols(text_at(entry, "related"), question.symbol),
                    )
                )
        return found


def _check(answer: Answer, question: Question) -> None:
    if answer.status == HTTPStatus.UNAUTHORIZED:
        raise KeyRefused(f"{_WHOSE} refuses our key (HTTP 401); set NEWS__FINNHUB_KEY to a valid one")
    if answer.status == HTTPStatus.FORBIDDEN:
        raise NewsRefused(f"{_WHOSE} does not give news about {question.symbol} to our key (HTTP 403)")
    reset_at = answer.headers.get("x-ratelimit-reset", "")
    is_limited = answer.status == HTTPStatus.TOO_MANY_REQUESTS and "retry-after" not in answer.headers
    if is_limited and reset_at.isascii() and reset_at.isdigit():
        wait_s = min(max(float(reset_at) - time.time(), 1.0), 3_600.0)
        raise RateLimited(f"{_WHOSE} refuses us for asking too often (HTTP 429)", retry_after_s=wait_s)


def _symbols(related: str, asked: str | None) -> tuple[str, ...]:
    named = [symbol.strip() for symbol in related.split(",")]
    return tuple(dict.fromkeys(symbol for symbol in (asked, *named) if symbol))
