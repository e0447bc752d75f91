"""News from Alpha Vantage, `NEWS_SENTIMENT`; free keys may ask 25 times a day.

https://www.alphavantage.co/documentation/#news-sentiment. Errors come as HTTP 200 with a sentence in place of the
feed, and that sentence may repeat our key. Times are taken as UTC. Its own scores are left alone: ours can be made
again, and say which model they are from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from market_data.errors import DomainError, KeyRefused, NewsRefused, ProviderUnavailable, RateLimited, UnknownSymbol
from market_data.news import Article
from market_data.providers.news_http import NewsHttp
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

_WHOSE: Final = "Alpha Vantage"
_MAX_ARTICLES: Final = 200
_EXCUSES: Final = ("Error Message", "Information", "Note")
_A_MINUTE_S, _AN_HOUR_S = 60.0, 3_600.0
_LONGEST_TOLD: Final = 200


def build(options: NewsOptions) -> AlphaVantageNews | None:
    if options.alpha_vantage_key is None:
        return None
    return AlphaVantageNews(
        key=options.alpha_vantage_key.get_secret_value(),
        url=options.alpha_vantage_url,
        budget=Budget.per_day(options.alpha_vantage_per_day),
        max_bytes=options.max_response_bytes,
    )


class AlphaVantageNews:
    name: Final = "alpha_vantage"
    lock: Final = None

    def __init__(self, *, key: str, url: str, budget: Budget, max_bytes: int) -> None:
        self._key = key
        self._url = url.rstrip("/")
        self.budget = budget
        self._bucket = f"{self.name}:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        self._http = NewsHttp(_WHOSE, max_bytes=max_bytes)  # no redirects: the key goes where it was meant for

    def questions(self, symbol: str, since: datetime, until: datetime) -> Sequence[Question]:
        asked = {"function": "NEWS_SENTIMENT", "tickers": symbol, "sort": "LATEST", "limit": _MAX_ARTICLES}
        # By the day, so that whoever asks on one day asks the same and is answered from the cache.
        asked["time_from"] = f"{since:%Y%m%d}T0000"
        key = f"{self._url}/query?{urlencode(asked)}"
        return (Question(key=key, bucket=self._bucket, symbol=symbol, since=since, until=until),)

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        del known  # it tells no validators
        answer = self._http.get(f"{question.key}&{urlencode({'apikey': self._key})}", timeout_s=timeout_s)
        self._http.check_served(answer)
        raw = RawNews(body=answer.body)
        self._feed(raw, question)  # an excuse must not be kept as an answer
        return raw

    def read(self, raw: RawNews, question: Question) -> list[Article]:
        found = []
        for entry in self._feed(raw, question):
            title, published_at = title_of(text_at(entry, "title")), _utc(text_at(entry, "time_published"))
            if title and published_at is not None:
                found.append(
                    Article(
                        source=self.name,
                        title=title,
                        published_at=published_at,
                        url=http_url(text_at(entry, "url")),
                        summary=summary_of(text_at(entry, "summary")),
                        publisher=publisher_of(text_at(entry, "source")),
                        symbols=_symbols(entry.get("ticker_sentiment"), question.symbol),
                    )
                )
        return found

    def _feed(self, raw: RawNews, question: Question) -> list[dict[str, Any]]:  # Any: JSON of any shape
        told = parsed_json(raw.body, _WHOSE)
        excuse = next((text_at(told, name) for name in _EXCUSES if text_at(told, name)), "")
        if "no articles found" in excuse.lower():
            return []
        if excuse:
            raise self._refusal(excuse, question.symbol)
        if not isinstance(told, dict) or "feed" not in told:
            raise ProviderUnavailable(f"{_WHOSE} was to answer with a feed, was {raw.body[:40]!r}")
        return entries_of(told["feed"], _WHOSE)

    def _refusal(self, excuse: str, symbol: str | None) -> DomainError:
        """Return what a sentence in place of the feed means; the vendor has no codes for it."""
        said = excuse.lower()
        told = excuse.replace(self._key, "***")[:_LONGEST_TOLD]
        if any(words in said for words in ("rate limit", "requests per", "calls per", "call frequency")):
            wait_s = _A_MINUTE_S if "per minute" in said and "per day" not in said else _AN_HOUR_S
            return RateLimited(f"{_WHOSE} refuses us for asking too often: {told}", retry_after_s=wait_s)
        if "apikey" in said or "api key" in said:
            return KeyRefused(f"{_WHOSE} refuses our key; set NEWS__ALPHA_VANTAGE_KEY to a valid one: {told}")
        if "invalid input" in said or "invalid api call" in said:
            return UnknownSymbol(f"{_WHOSE} does not know {symbol}: {told}")
        if "premium" in said:
            return NewsRefused(f"{_WHOSE} does not answer this to our key: {told}")
        return ProviderUnavailable(f"{_WHOSE} was to answer with a feed, was: {told}")


def _utc(text: str) -> datetime | None:
    """Return the moment of a text such as 20240409T123456, None for another."""
    for form in ("%Y%m%dT%H%M%S", "%Y%m%dT%H%M"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _symbols(named: object, asked: str | None) -> tuple[str, ...]:
    tickers = [text_at(entry, "ticker") for entry in named] if isinstance(named, list) else []
    return tuple(dict.fromkeys(symbol for symbol in (asked, *tickers) if symbol))
