"""One mood a symbol and one a day, of articles and given texts, where what repeats counts once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.core.jobs.sentiment_analysis import DayMood, SymbolMood, TextItem
from backend.core.moods import HALF_LIFE_S, day_mood, ns_of, symbol_mood
from sentiment_engine.aggregate import Observation, by_symbol, by_symbol_and_day
from sentiment_engine.novelty import duplicate_groups
from workers.handlers.article_scoring import ScoredArticle
from workers.news_matching import same_company


@dataclass(frozen=True)
class Groups:
    """Which texts and articles repeat one another: a number each, the same for those that do."""

    of_texts: Sequence[int]
    of_articles: Mapping[int, int]
    repeating: frozenset[int]
    """The ids of articles that say what an older one says."""


def group(texts: Sequence[str], scored: Sequence[ScoredArticle]) -> Groups:
    """Return what repeats what: all titles are compared, the oldest first, and all texts after them."""
    articles = {one.article.id: one.article for one in scored}
    oldest_first = sorted(articles.values(), key=lambda article: (article.published_at, article.id))
    numbers = duplicate_groups([*(article.title for article in oldest_first), *texts]).tolist()
    of_articles = {article.id: number for article, number in zip(oldest_first, numbers, strict=False)}
    repeating = frozenset(article.id for place, article in enumerate(oldest_first) if numbers[place] != place)
    return Groups(numbers[len(oldest_first) :], of_articles, repeating)


def of_articles(scored: Sequence[ScoredArticle], groups: Groups) -> list[Observation]:
    return [
        Observation(
            symbol=one.symbol,
            time_ns=ns_of(one.article.published_at),
            score=one.score,
            label=one.label,
            weight=one.relevance,
            group=groups.of_articles[one.article.id],
        )
        for one in scored
    ]


def of_texts(
    items: Sequence[TextItem], groups: Groups, symbols: Sequence[str], at: datetime | None
) -> list[Observation]:
    """Return what given texts say of each company they name, under the symbol that was asked for, if any.

    at: when they count as said; None where nothing else has a time.
    """
    asked_as = {known_as: symbol for symbol in reversed(symbols) for known_as in same_company(symbol)}
    return [
        Observation(
            symbol=asked_as.get(entity.symbol, entity.symbol),
            time_ns=0 if at is None else ns_of(at),
            score=entity.score,
            label=entity.label,
            group=groups.of_texts[item.index],
        )
        for item in items
        for entity in item.entities
        if entity.symbol is not None
    ]


def moods(
    articles: Sequence[Observation], texts: Sequence[Observation]
) -> tuple[tuple[SymbolMood, ...], tuple[DayMood, ...]]:
    """Return the moods by symbol, of all, and by symbol and day, of what has a day."""
    newest: dict[str, int] = {}
    for one in articles:
        newest[one.symbol] = max(newest.get(one.symbol, one.time_ns), one.time_ns)
    every = by_symbol([*articles, *texts], half_life_s=HALF_LIFE_S)
    days = by_symbol_and_day(articles, half_life_s=HALF_LIFE_S)
    return tuple(symbol_mood(one, newest.get(one.symbol)) for one in every), tuple(map(day_mood, days))
