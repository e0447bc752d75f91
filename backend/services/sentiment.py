"""The use case of sentiment: what the stored articles about a symbol say, by the scores that jobs gave them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db import articles as sql
from backend.core.jobs.sentiment_analysis import ArticleItem, DayMood, LabelProbabilities, SymbolMood
from backend.core.moods import HALF_LIFE_S, day_mood, iso_of, ns_of, span_of, symbol_mood

MAX_ARTICLES = 1_000


@dataclass(frozen=True)
class SymbolSentiment:
    """`mood` None: no article about the symbol was scored in that time. `articles` are the newest."""

    since: datetime
    mood: SymbolMood | None
    days: Sequence[DayMood]
    articles: Sequence[ArticleItem]
    scored_by: Sequence[str]


class Sentiment:
    """News are public: every user sees the same."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of(self, symbol: str, lookback: str, limit: int) -> SymbolSentiment:
        """Return the mood of the newest 1,000 articles of the last while, and `limit` of them."""
        until = datetime.now(UTC)
        since = until - span_of(lookback)
        async with self._engine.connect() as connection:
            newest = sql.newest_scores(symbol, since, until, limit=MAX_ARTICLES)
            rows = (await connection.execute(newest)).mappings().all()
        if not rows:
            return SymbolSentiment(since, None, (), (), ())
        return await asyncio.to_thread(_told, symbol, since, rows, limit)


def _told(symbol: str, since: datetime, rows: Sequence[Any], limit: int) -> SymbolSentiment:  # Any: database rows
    # The engine's numbers are only needed here; the web process starts without.
    from sentiment_engine.aggregate import Observation, by_symbol, by_symbol_and_day  # noqa: PLC0415
    from sentiment_engine.novelty import duplicate_groups  # noqa: PLC0415

    oldest_first = list(reversed(rows))
    groups = duplicate_groups([row["title"] for row in oldest_first]).tolist()
    observations = [
        Observation(
            symbol=symbol,
            time_ns=ns_of(row["published_at"]),
            score=row["score"],
            label=row["label"],
            weight=max(row["relevance"], sql.LEAST_RELEVANCE),
            group=number,
        )
        for row, number in zip(oldest_first, groups, strict=True)
    ]
    (mood,) = by_symbol(observations, half_life_s=HALF_LIFE_S)
    days = by_symbol_and_day(observations, half_life_s=HALF_LIFE_S)
    repeating = [number != place for place, number in enumerate(groups)]
    articles = [_article(symbol, row, repeats) for row, repeats in zip(rows, reversed(repeating), strict=True)]
    return SymbolSentiment(
        since=since,
        mood=symbol_mood(mood, mood.newest_ns),
        days=[day_mood(day) for day in days],
        articles=articles[:limit],
        scored_by=sorted({row["model_version"] for row in rows}),
    )


def _article(symbol: str, row: Any, is_duplicate: bool) -> ArticleItem:  # noqa: FBT001  # Any: a database row
    negative, neutral, positive = (row[f"p_{label}"] for label in ("negative", "neutral", "positive"))
    probabilities = None
    if negative is not None and neutral is not None and positive is not None:
        probabilities = LabelProbabilities(negative=negative, neutral=neutral, positive=positive)
    return ArticleItem(
        symbol=symbol,
        title=row["title"],
        url=row["url"],
        source=row["source"],
        publisher=row["publisher"],
        published_at=iso_of(row["published_at"]),
        label=row["label"],
        score=row["score"],
        probabilities=probabilities,
        relevance=row["relevance"],
        is_duplicate=is_duplicate,
    )
