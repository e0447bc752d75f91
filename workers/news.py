"""What a handler hears when it asks for news: stored articles, and what could not be had."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.core.jobs.sentiment_analysis import Label
from market_data.news import NewsSource


@dataclass(frozen=True, kw_only=True)
class StoredArticle:
    """An article as the store has it; `symbols` are those of the question that it is about."""

    id: int
    source: NewsSource
    title: str
    published_at: datetime
    url: str | None
    summary: str
    publisher: str | None
    language: str | None
    symbols: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NewsFailure:
    """What could not be had: from one source, or about one symbol."""

    code: str
    message: str
    source: NewsSource | None = None
    symbol: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewsQuery:
    """News about symbols, published from `since` to `until`. `sources` None: those of the settings, in their order."""

    symbols: tuple[str, ...]
    since: datetime
    until: datetime
    sources: tuple[NewsSource, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class News:
    """The newest articles first."""

    articles: tuple[StoredArticle, ...]
    failures: tuple[NewsFailure, ...]
    warnings: tuple[str, ...]


class NewsReader(Protocol):
    """A way to news."""

    def read(self, query: NewsQuery, on_progress: Callable[[float], None]) -> News:
        """Return the news there are; raise ProviderUnavailable when none could be had because sources are away.

        on_progress is called with a fraction now and then; what it raises ends the reading.
        """

    def scores(self, articles: Sequence[StoredArticle], model_version: str) -> "Sequence[StoredScore]":
        """Return what a model has already said of these articles."""


@dataclass(frozen=True, kw_only=True)
class StoredScore:
    """What one model's version says of one article about one symbol."""

    article_id: int
    symbol: str
    label: Label
    score: float
    p_negative: float | None
    p_neutral: float | None
    p_positive: float | None
    relevance: float
