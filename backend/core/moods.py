"""What the sentiment engine aggregates, as results and answers tell it. Loads nothing of the engine itself."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from backend.core.jobs.sentiment_analysis import DayMood, Label, SymbolMood

if TYPE_CHECKING:
    from sentiment_engine.aggregate import Aggregate

HALF_LIFE_S: Final = 172_800.0
"""News that are two days older count half as much."""

NEUTRAL_WITHIN: Final = 0.15
"""A mean score nearer to 0 than this is called neutral."""

_HOURS = {"h": 1, "d": 24}


def span_of(lookback: str) -> timedelta:
    """Return how far back a text such as `7d` or `24h` looks."""
    return timedelta(hours=int(lookback[:-1]) * _HOURS[lookback[-1]])


def symbol_mood(aggregate: "Aggregate", newest_article_ns: int | None) -> SymbolMood:
    is_single = aggregate.n_novel == 1
    return SymbolMood(
        symbol=aggregate.symbol,
        label=label_of(aggregate.mean),
        score=aggregate.mean,
        dispersion=None if is_single else aggregate.dispersion,
        article_count=aggregate.n_texts,
        duplicate_count=aggregate.n_texts - aggregate.n_novel,
        positive_count=aggregate.n_positive,
        neutral_count=aggregate.n_neutral,
        negative_count=aggregate.n_negative,
        effective_count=aggregate.effective_n,
        newest_at=None if newest_article_ns is None else iso_of_ns(newest_article_ns),
    )


def day_mood(aggregate: "Aggregate") -> DayMood:
    day = "" if aggregate.day is None else aggregate.day.isoformat()
    return DayMood(symbol=aggregate.symbol, day=day, score=aggregate.mean, article_count=aggregate.n_texts)


def label_of(score: float) -> Label:
    if abs(score) < NEUTRAL_WITHIN:
        return "neutral"
    return "positive" if score > 0 else "negative"


def ns_of(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000


def iso_of_ns(time_ns: int) -> str:
    return iso_of(datetime.fromtimestamp(time_ns // 1_000_000_000, UTC))


def iso_of(moment: datetime) -> str:
    """Return a moment as text: 2013-03-01T00:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
