"""`sentiment_analysis`: the mood of given texts, of the news about given symbols, or of both."""

from typing import Annotated, Literal, Self

from annotated_types import Len
from pydantic import Field, model_validator

from backend.core.jobs.payload import Contract, FreeText, Part, Symbol
from backend.core.jobs.provenance import Provenance
from market_data.news import NewsSource

Label = Literal["positive", "neutral", "negative"]
MAX_TEXTS = 10_000
MAX_SYMBOLS = 500
SHORT_CHARACTERS = 1_000
LOOKBACK_PATTERN = r"^[1-9][0-9]{0,2}[hd]$"
Lookback = Annotated[
    str, Field(pattern=LOOKBACK_PATTERN, description="Hours or days back from now.", examples=["7d", "24h"])
]


class SentimentPayload(Contract):
    texts: Annotated[tuple[FreeText, ...] | None, Len(1, MAX_TEXTS)] = None
    symbols: Annotated[tuple[Symbol, ...] | None, Len(1, MAX_SYMBOLS)] = None
    lookback: Lookback = "7d"
    sources: Annotated[
        tuple[NewsSource, ...] | None, Len(1), Field(description="In this order; as configured, when left out.")
    ] = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.texts is None and self.symbols is None:
            raise ValueError("expected texts, symbols or both; neither was given")
        return self

    @property
    def has_few_texts_only(self) -> bool:
        """Tell whether it takes some milliseconds: no news to fetch, and a handful of headlines to read."""
        return self.symbols is None and sum(map(len, self.texts or ())) <= SHORT_CHARACTERS


class LabelProbabilities(Part):
    negative: float
    neutral: float
    positive: float


class EntityMood(Part):
    """What a text says of one company: the mood of the clauses that name it."""

    name: str
    symbol: str | None
    label: Label
    score: float
    clause: str


class TextItem(Part):
    """One of the given texts. One that could not be scored is neutral with score 0, and stands in `failures`, too."""

    index: int
    label: Label
    score: float
    """From -1 (negative) to 1 (positive)."""
    probabilities: LabelProbabilities | None
    """None: the text could not be scored, and `warnings` says why."""
    entities: tuple[EntityMood, ...]
    language: str
    """ISO 639-1; `und` where there is none to tell."""
    scored_by: str
    """The model, or the lexicon where no model serves."""
    explanation: tuple[str, ...] = ()
    """The words that the lexicon knows, with their weights: `upgrade +2.0`."""
    warnings: tuple[str, ...] = ()


class ArticleItem(Part):
    """What one article says of one of the symbols asked for: its clauses about it, or else the whole of it."""

    symbol: str
    title: str
    url: str | None
    source: NewsSource
    publisher: str | None
    published_at: str
    label: Label
    score: float
    probabilities: LabelProbabilities | None
    """Of the whole article; None where the clauses about the symbol were scored."""
    relevance: float
    """How much it is about the symbol, from 0 to 1."""
    is_duplicate: bool
    """It says what an older article says; aggregates count both as one."""


class SymbolMood(Part):
    """All that was said of one symbol, newer and more relevant articles weighing more."""

    symbol: str
    label: Label
    score: float
    dispersion: float | None
    """The weighted standard deviation of the scores; None for a single text."""
    article_count: int
    """Articles and given texts, those that repeat others included."""
    duplicate_count: int
    positive_count: int
    neutral_count: int
    negative_count: int
    effective_count: float
    """(sum of weights)^2 / sum of squared weights: how many equally weighty articles this amounts to."""
    newest_at: str | None
    """When the newest article was published; None where only given texts spoke."""


class DayMood(Part):
    """What articles said of one symbol on one day (UTC)."""

    symbol: str
    day: str
    score: float
    article_count: int


class SentimentFailure(Part):
    """What could not be scored or fetched: a text (`index`), a symbol, or a source."""

    index: int | None = None
    symbol: str | None = None
    source: NewsSource | None = None
    code: str
    message: str


class SentimentResult(Contract):
    items: tuple[TextItem, ...]
    articles: tuple[ArticleItem, ...] = ()
    """The newest first, at most 1,000; the aggregates count all."""
    by_symbol: tuple[SymbolMood, ...]
    by_day: tuple[DayMood, ...] = ()
    failures: tuple[SentimentFailure, ...]
    scored_by: str
    """Model, lexicon and engine with their versions."""
    provenance: Provenance
    warnings: tuple[str, ...] = ()
