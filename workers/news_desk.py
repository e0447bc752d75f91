"""Where a job's news come from: sources in their order, and what was stored before. What they gave is stored.

News are public: an article is stored once, whoever asked first, and all users' jobs read it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from redis import Redis
from sqlalchemy import Engine

from backend.core.db import articles as sql
from backend.settings import Settings
from market_data.errors import DomainError, InvalidSymbol, KeyRefused, NewsRefused, ProviderUnavailable
from market_data.news import Article
from market_data.providers.news_sources import NewsProvider
from market_data.symbols import SYMBOL_MAX_LENGTH, check_symbol
from sentiment_engine.language import detect_language
from sentiment_engine.text import clean
from workers.news import News, NewsFailure, NewsQuery, StoredArticle, StoredScore
from workers.news_round import NewsRound, Told
from workers.news_sources import NewsSources

MAX_ARTICLES_A_SYMBOL: Final = 100
SOURCE_NOT_CONFIGURED: Final = "source_not_configured"
RETRY_SOON_S: Final = 2.0
_LASTING: Final = frozenset({KeyRefused.code, SOURCE_NOT_CONFIGURED})
_MAX_SYMBOLS_AN_ARTICLE: Final = 30
_ROWS_A_STATEMENT: Final = 5_000


class NewsDesk:
    """One process's way to news. `sources` stand in for those that the settings name."""

    def __init__(self, engine: Engine, redis: Redis, settings: Settings, *, sources: NewsSources | None = None) -> None:
        self._engine = engine
        self._sources = NewsSources(redis, settings) if sources is None else sources

    def read(self, query: NewsQuery, on_progress: Callable[[float], None]) -> News:
        """Return the articles about the symbols: those that sources gave now, and those stored before.

        Raises ProviderUnavailable when no source answered and nothing is stored, NewsRefused when none is configured.
        """
        chain, failures = self._chain(query)
        asked = NewsRound(self._sources, chain, query)
        asked.run(on_progress)
        articles = self._stored(query, self._store(asked.found))
        failures += asked.failures.values()
        if not articles and not asked.has_answer:
            raise _nothing_at_all(failures)
        return News(
            articles=articles,
            failures=(*failures, *_without_news(query, articles, failures)),
            warnings=_warnings(query, asked, articles),
        )

    def scores(self, articles: Sequence[StoredArticle], model_version: str) -> Sequence[StoredScore]:
        found: list[StoredScore] = []
        with self._engine.connect() as connection:
            for part in _parts([article.id for article in articles]):
                rows = connection.execute(sql.scores_of(part, model_version)).mappings()
                found += [StoredScore(**{name: row[name] for name in _SCORE_FIELDS}) for row in rows]
        return found

    def _chain(self, query: NewsQuery) -> tuple[list[NewsProvider], list[NewsFailure]]:
        """Return the sources to ask; one that was asked for by name and is not configured is a failure."""
        chain: list[NewsProvider] = []
        failures: list[NewsFailure] = []
        for name in dict.fromkeys(self._sources.configured if query.sources is None else query.sources):
            provider = self._sources.provider(name)
            if provider is not None:
                chain.append(provider)
            elif query.sources is not None:
                told = f"{name} is not configured here; see docs/news.md for what it needs"
                failures.append(NewsFailure(code=SOURCE_NOT_CONFIGURED, message=told, source=name))
        if not chain:
            raise NewsRefused("no source of news is configured; see docs/news.md for what each needs")
        return chain, failures

    def _store(self, found: Sequence[Told]) -> list[int]:
        """Store what is new; return the ids of all that was found.

        Keys go in one order, so that two workers wait for each other instead of deadlocking.
        """
        by_key: dict[bytes, Article] = {}
        symbols: dict[bytes, list[str]] = {}
        for told in found:
            key = told.article.key
            by_key.setdefault(key, told.article)
            symbols.setdefault(key, []).extend((*told.symbols, *told.article.symbols))
        ids: dict[bytes, int] = {}
        for part in _parts(sorted(by_key)):
            with self._engine.begin() as connection:
                connection.execute(sql.add_articles(), [_row(by_key[key], key) for key in part])
                ids |= {bytes(key): id_ for key, id_ in connection.execute(sql.ids_by_key(part)).all()}
                links = sorted({(ids[key], symbol) for key in part for symbol in _known(symbols[key])})
                if links:
                    rows = [{"article_id": id_, "symbol": symbol} for id_, symbol in links]
                    connection.execute(sql.add_symbols(), rows)
        return sorted(ids.values())

    def _stored(self, query: NewsQuery, just_given: Sequence[int]) -> tuple[StoredArticle, ...]:
        """Return what the store has about the symbols: what was just given, and what these sources gave before."""
        newest = sql.articles_about(
            query.symbols,
            query.since,
            query.until,
            limit=MAX_ARTICLES_A_SYMBOL,
            sources=query.sources or self._sources.configured,
            or_ids=just_given,
        )
        by_id: dict[int, StoredArticle] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(newest).mappings():
                before = by_id.get(row["id"])
                about = (row["symbol"],) if before is None else (*before.symbols, row["symbol"])
                by_id[row["id"]] = _article(row, about)
        return tuple(by_id.values())


_SCORE_FIELDS: Final = tuple(StoredScore.__dataclass_fields__)


def _row(article: Article, key: bytes) -> dict[str, Any]:  # Any: column values
    return {
        "key_sha256": key,
        "source": article.source,
        "publisher": article.publisher,
        "url": article.url,
        "title": article.title,
        "summary": article.summary,
        "language": detect_language(clean(article.text)),
        "published_at": article.published_at,
    }


def _article(row: Any, symbols: tuple[str, ...]) -> StoredArticle:  # Any: a database row
    names = ("id", "source", "title", "published_at", "url", "summary", "publisher", "language")
    return StoredArticle(**{name: row[name] for name in names}, symbols=symbols)


def _known(symbols: Sequence[str]) -> list[str]:
    """Return those that can be symbols here; vendors have other things, too, such as `FOREX:USD`."""
    kept = []
    for symbol in dict.fromkeys(symbols):
        try:
            kept.append(check_symbol(symbol[: SYMBOL_MAX_LENGTH + 1]))
        except InvalidSymbol:
            continue
    return kept[:_MAX_SYMBOLS_AN_ARTICLE]


def _without_news(
    query: NewsQuery, articles: Sequence[StoredArticle], failures: Sequence[NewsFailure]
) -> list[NewsFailure]:
    told_of = {symbol for article in articles for symbol in article.symbols} | {one.symbol for one in failures}
    return [
        NewsFailure(
            code="no_news", message=f"no article about {symbol} since {query.since:%Y-%m-%d %H:%M} UTC", symbol=symbol
        )
        for symbol in query.symbols
        if symbol not in told_of
    ]


def _warnings(query: NewsQuery, asked: NewsRound, articles: Sequence[StoredArticle]) -> tuple[str, ...]:
    told = [f"news about {count} of {len(query.symbols)} symbols: {name}" for name, count in asked.answered.items()]
    if not asked.has_answer and articles:
        told.append("no source answered; these articles were stored before")
    return tuple(told)


def _nothing_at_all(failures: Sequence[NewsFailure]) -> DomainError:
    """Return what to raise when no source answered: trying again is of no use where all of them refuse our keys."""
    of_sources = [failure for failure in failures if failure.source is not None]
    told = "; ".join(dict.fromkeys(failure.message for failure in of_sources))
    if of_sources and all(failure.code in _LASTING for failure in of_sources):
        return NewsRefused(f"no source of news answers us: {told}")
    return ProviderUnavailable(f"no source of news answered: {told}", retry_after_s=RETRY_SOON_S)


def _parts(values: Sequence[Any]) -> list[Sequence[Any]]:  # Any: keys or numbers, as the statement takes them
    return [values[start : start + _ROWS_A_STATEMENT] for start in range(0, len(values), _ROWS_A_STATEMENT)]
