"""`sentiment_analysis`: the mood of given texts, of news about symbols, or of both. One bad text sinks no other.

1. The model that serves is chosen; where none does, the lexicon answers alone, and the result says so.
2. The given texts are scored in batches.
3. News about the symbols are read (workers/news_desk.py); what the same model said of an article before is not asked
   of it again, and what it says now is stored with the job's success.
4. Texts and articles that repeat others count once; the rest is one mood a symbol, newer news weighing more.

Given texts have no date: beside news they count as of now, and they belong to no day.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from backend.core.jobs.outcomes import InvalidJob, Outcome, Row, TryLater
from backend.core.jobs.provenance import Provenance
from backend.core.jobs.sentiment_analysis import (
    ArticleItem,
    EntityMood,
    LabelProbabilities,
    SentimentFailure,
    SentimentPayload,
    SentimentResult,
    TextItem,
)
from backend.core.moods import iso_of, span_of
from market_data.errors import NewsRefused, ProviderUnavailable
from sentiment_engine.score import Scorer, TextScore, score_texts
from sentiment_engine.version import ENGINE_VERSION
from workers.context import Context
from workers.handlers.article_scoring import ScoredArticle, model_version_of, score_articles
from workers.handlers.mood_aggregation import group, moods, of_articles, of_texts
from workers.news import NewsFailure, NewsQuery
from workers.news_matching import bare_names

BATCH: Final = 256
MAX_ARTICLES_TOLD: Final = 1_000
MOODS_IN_SUMMARY: Final = 3
LONGEST_WAIT_S: Final = 2.0
"""With it a job of which all sources hang ends within half a minute: see workers/news_round.py."""

_TEXTS_UNTIL, _NEWS_UNTIL = 0.5, 0.8  # how far each step gets the job
_WHY_NOT: Final[Mapping[str, str]] = {
    "empty_text": "the text was empty after markup was taken away",
    "no_words": "the text holds no letter",
    "not_english": "only English is scored; the text's language is in its item",
    "text_too_long": "a text may have 1,000,000 bytes at most",
}


def sentiment_analysis(payload: SentimentPayload, context: Context) -> Outcome:
    analysis = _Analysis(payload, context)
    analysis.score_texts()
    analysis.score_news()
    result = analysis.result()
    for failure in result.failures:
        told = failure.model_dump(mode="json", exclude_none=True)
        context.log.warning("not_scored", **told)
    return Outcome(result, rows=analysis.rows, summary=_summary(result))


def _summary(result: SentimentResult) -> str:
    """Return how much was read, and the mood of the symbols or of the texts."""
    told = []
    if result.items:
        told.append(f"{len(result.items)} texts")
    if result.by_symbol:
        told.append(f"{sum(mood.article_count for mood in result.by_symbol)} articles and texts about symbols")
        told += [f"{mood.symbol} {mood.label} ({mood.score:+.2f})" for mood in result.by_symbol[:MOODS_IN_SUMMARY]]
    elif result.items:
        labels = Counter(item.label for item in result.items)
        told.append(", ".join(f"{labels[label]} {label}" for label in ("positive", "neutral", "negative")))
    if result.failures:
        told.append(f"{len(result.failures)} failures")
    return ", ".join(told) or "nothing was found"


class _Analysis:
    """One job's findings, step by step."""

    def __init__(self, payload: SentimentPayload, context: Context) -> None:
        serving = context.models.sentiment()
        self._payload = payload
        self._context = context
        self._texts = payload.texts or ()
        self._symbols = tuple(dict.fromkeys(payload.symbols or ()))
        self._model: Scorer | None = serving.models[0] if serving.models else None
        self._warnings = list(serving.warnings)
        self._now: datetime | None = None
        self._items: list[TextItem] = []
        self._scored: list[ScoredArticle] = []
        self._failures: list[SentimentFailure] = []
        self.rows: list[Row] = []
        if self._model is None:
            self._warnings.append("no sentiment model serves: the lexicon answered alone, which is right less often")

    def score_texts(self) -> None:
        names = bare_names(self._symbols)
        until = _TEXTS_UNTIL if self._symbols else _NEWS_UNTIL
        for start in range(0, len(self._texts), BATCH):
            total = len(self._texts)
            self._context.progress(until * start / total, f"{start} of {total} texts")
            scores = score_texts(self._texts[start : start + BATCH], self._model, entities=names)
            for index, score in enumerate(scores, start):
                self._items.append(_item(index, score))
                if not score.is_scored:
                    code = next(one for one in score.warnings if one in _WHY_NOT)
                    self._failures.append(SentimentFailure(index=index, code=code, message=_WHY_NOT[code]))

    def score_news(self) -> None:
        if not self._symbols:
            return
        self._now = self._context.now()
        since = self._now - span_of(self._payload.lookback)
        query = NewsQuery(symbols=self._symbols, since=since, until=self._now, sources=self._payload.sources)
        try:
            news = self._context.news.read(query, self._on_news_progress)
        except (ProviderUnavailable, NewsRefused) as error:
            if not self._texts:
                raise _ending(error) from error
            self._failures.append(SentimentFailure(code=error.code, message=str(error)))
            return
        scoring = score_articles(news.articles, self._model, self._context)
        self._scored = scoring.scored
        self._failures += map(_failure, news.failures)
        self._warnings += (*news.warnings, *scoring.warnings)
        self.rows += scoring.rows

    def result(self) -> SentimentResult:
        groups = group(self._texts, self._scored)
        by_symbol, by_day = moods(
            of_articles(self._scored, groups), of_texts(self._items, groups, self._symbols, self._now)
        )
        told = sorted(self._scored, key=_newness, reverse=True)[:MAX_ARTICLES_TOLD]
        if len(told) < len(self._scored):
            self._warnings.append(f"the newest {len(told)} of {len(self._scored)} articles are told; all count")
        return SentimentResult(
            items=tuple(self._items),
            articles=tuple(_told(one, is_duplicate=one.article.id in groups.repeating) for one in told),
            by_symbol=by_symbol,
            by_day=by_day,
            failures=tuple(self._failures),
            scored_by=model_version_of(self._model),
            provenance=_provenance(self._context, self._scored),
            warnings=tuple(self._warnings),
        )

    def _on_news_progress(self, fraction: float) -> None:
        reached = _TEXTS_UNTIL + (_NEWS_UNTIL - _TEXTS_UNTIL) * fraction
        self._context.progress(reached, f"news about {len(self._symbols)} symbols")


def _ending(error: ProviderUnavailable | NewsRefused) -> TryLater | InvalidJob:
    if isinstance(error, ProviderUnavailable):
        return TryLater(error.code, str(error), min(error.retry_after_s, LONGEST_WAIT_S))
    return InvalidJob(error.code, str(error))


def _newness(one: ScoredArticle) -> tuple[datetime, int, str]:
    return (one.article.published_at, one.article.id, one.symbol)


def _item(index: int, score: TextScore) -> TextItem:
    said = score.probabilities
    return TextItem(
        index=index,
        label=score.label,
        score=score.score,
        probabilities=None
        if said is None
        else LabelProbabilities(negative=said.negative, neutral=said.neutral, positive=said.positive),
        entities=tuple(
            EntityMood(name=one.name, symbol=one.symbol, label=one.label, score=one.score, clause=one.clause)
            for one in score.entities
        ),
        language=score.language,
        scored_by=score.scored_by,
        explanation=tuple(f"{hit.term} {hit.weight:+.1f}" for hit in score.explanation),
        warnings=score.warnings,
    )


def _told(one: ScoredArticle, *, is_duplicate: bool) -> ArticleItem:
    article = one.article
    return ArticleItem(
        symbol=one.symbol,
        title=article.title,
        url=article.url,
        source=article.source,
        publisher=article.publisher,
        published_at=iso_of(article.published_at),
        label=one.label,
        score=one.score,
        probabilities=one.probabilities,
        relevance=one.relevance,
        is_duplicate=is_duplicate,
    )


def _failure(one: NewsFailure) -> SentimentFailure:
    return SentimentFailure(source=one.source, symbol=one.symbol, code=one.code, message=one.message)


def _provenance(context: Context, scored: Sequence[ScoredArticle]) -> Provenance:
    told = sorted({(one.article.id, one.article.title, one.article.summary) for one in scored})
    return Provenance(
        engine="sentiment_engine",
        engine_version=ENGINE_VERSION,
        payload_hash=context.payload_hash,
        seed=context.seed,
        data_fingerprint=hashlib.sha256(repr(told).encode()).hexdigest(),
    )
