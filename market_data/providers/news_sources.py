"""Where news come from: one file a vendor, one line each in NEWS_PROVIDERS.

Asking and reading are two steps, so that what was answered can be kept and read again without asking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Final, Protocol

from market_data.news import Article, NewsSource, check_news_source


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How often a source may be asked: `burst` times at once, and `per_s` times a second in the long run."""

    burst: float
    per_s: float

    @classmethod
    def per_minute(cls, count: float) -> Budget:
        return cls(burst=max(count, 1.0), per_s=count / 60.0)

    @classmethod
    def per_day(cls, count: float) -> Budget:
        return cls(burst=max(count, 1.0), per_s=count / 86_400.0)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request to a source. `key` says what is asked and holds no secret unless its feed's address does."""

    key: str
    bucket: str
    """Which requests count together against the source's budget: those of one key, or to one host."""
    symbol: str | None
    """None: the answer is about anything, and articles have to be matched to symbols by what they say."""
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class RawNews:
    """An answer as it came, and what the source wants to hear when it is asked for the same again."""

    body: bytes
    etag: str | None = None
    last_modified: str | None = None


class NewsProvider(Protocol):
    """A source of news. Its methods may be called from several threads at once."""

    @property
    def name(self) -> NewsSource: ...

    @property
    def budget(self) -> Budget: ...

    @property
    def lock(self) -> threading.Lock | None:
        """Return what must be held during `ask` where a library serves one at a time; waiting is not its time."""
        ...

    def questions(self, symbol: str, since: datetime, until: datetime) -> Sequence[Question]:
        """Return what has to be asked for the news of one symbol; the key of a question says whether it is the same."""
        ...

    def ask(self, question: Question, *, timeout_s: float, known: RawNews | None) -> RawNews:
        """Return the answer; `known` itself when the source says that it still holds.

        Whoever calls it holds `lock`, where there is one.

        Raises ProviderUnavailable (ask later), UnknownSymbol, NewsRefused (never for this question) or KeyRefused
        (never with this key). No message tells a key or a feed's address.
        """
        ...

    def read(self, raw: RawNews, question: Question) -> list[Article]:
        """Return the articles of an answer, in plain text; raise ProviderUnavailable or NewsRefused for none at all."""
        ...


class Secret(Protocol):
    """A text that does not show itself."""

    def get_secret_value(self) -> str: ...


class NewsOptions(Protocol):
    """What an operator may set about news; the settings' own group fits."""

    @property
    def rss_feeds(self) -> tuple[str, ...]: ...
    @property
    def finnhub_key(self) -> Secret | None: ...
    @property
    def finnhub_url(self) -> str: ...
    @property
    def finnhub_per_minute(self) -> float: ...
    @property
    def alpha_vantage_key(self) -> Secret | None: ...
    @property
    def alpha_vantage_url(self) -> str: ...
    @property
    def alpha_vantage_per_day(self) -> float: ...
    @property
    def max_response_bytes(self) -> int: ...


# Each vendor's builder, by the path to it; it returns None where something that the source needs is not set.
NEWS_PROVIDERS: Final[Mapping[NewsSource, str]] = {
    "finnhub": "market_data.providers.finnhub:build",
    "alpha_vantage": "market_data.providers.alpha_vantage:build",
    "yfinance": "market_data.providers.yfinance_news:build",
    "rss": "market_data.providers.rss:build",
}


def build_news_provider(name: str, options: NewsOptions) -> NewsProvider | None:
    """Return the source called `name`, None when it is not configured; raise DomainError for an unknown name."""
    module, _, function = NEWS_PROVIDERS[check_news_source(name)].partition(":")
    build: Callable[[NewsOptions], NewsProvider | None] = getattr(import_module(module), function)
    return build(options)
