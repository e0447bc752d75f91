"""`/api/sentiment`: what the news about a symbol sound like, by what jobs have read and scored."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as PathParameter
from pydantic import BaseModel

from backend.api.deps import CurrentUser, State
from backend.api.errors import documented
from backend.core.jobs.sentiment_analysis import LOOKBACK_PATTERN, ArticleItem, DayMood, SymbolMood
from backend.core.moods import iso_of
from market_data.symbols import SYMBOL_MAX_LENGTH, SYMBOL_PATTERN

router = APIRouter(prefix="/api/sentiment", tags=["sentiment"])


class SentimentView(BaseModel):
    """`mood` is null where no article about the symbol was scored in that time."""

    symbol: str
    lookback: str
    since: str
    mood: SymbolMood | None
    by_day: list[DayMood]
    articles: list[ArticleItem]
    scored_by: list[str]


@router.get("/{symbol}", operation_id="get_sentiment", responses=documented(401, 422))
async def sentiment(
    state: State,
    user: CurrentUser,  # noqa: ARG001 - news are public, but only users may read them here
    symbol: Annotated[str, PathParameter(pattern=SYMBOL_PATTERN, max_length=SYMBOL_MAX_LENGTH)],
    lookback: Annotated[str, Query(pattern=LOOKBACK_PATTERN, description="Hours or days back from now: `24h`.")] = "7d",
    limit: Annotated[int, Query(ge=0, le=1_000, description="How many articles are told, the newest.")] = 50,
) -> SentimentView:
    """Return the mood of the stored articles about a symbol; `sentiment_analysis` jobs read and score new ones.

    Each article counts by the newest score it has; at most the newest 1,000 articles count.
    """
    found = await state.sentiment.of(symbol, lookback, limit)
    return SentimentView(
        symbol=symbol,
        lookback=lookback,
        since=iso_of(found.since),
        mood=found.mood,
        by_day=list(found.days),
        articles=list(found.articles),
        scored_by=list(found.scored_by),
    )
