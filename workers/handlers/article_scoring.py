"""What a model says of articles about symbols: read where it was said before, else asked for now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from backend.core.db.articles import LEAST_RELEVANCE
from backend.core.jobs.outcomes import Row
from backend.core.jobs.sentiment_analysis import Label, LabelProbabilities
from sentiment_engine.entities import Entity, find_entities
from sentiment_engine.lexicon import lexicon_version
from sentiment_engine.relevance import relevance_of
from sentiment_engine.score import Scorer, TextScore, score_texts
from sentiment_engine.text import clean
from sentiment_engine.version import ENGINE_VERSION
from workers.context import Context
from workers.news import StoredArticle, StoredScore
from workers.news_matching import bare_names, same_company

BATCH: Final = 256
SUMMARY_CHARACTERS: Final = 400
"""How much of a summary is scored with its title: some sources send whole articles, which say many things."""

_PROGRESS_FROM: Final = 0.8
_ENGLISH: Final = "en"


@dataclass(frozen=True)
class ScoredArticle:
    article: StoredArticle
    symbol: str
    label: Label
    score: float
    probabilities: LabelProbabilities | None
    relevance: float


@dataclass
class Scoring:
    """`rows` are what is new: they are stored when the job succeeds."""

    scored: list[ScoredArticle] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def model_version_of(model: Scorer | None) -> str:
    """Return what a score depends on: model (whose version holds its hash), lexicon and engine."""
    called = "no model" if model is None else model.called
    return f"{called}, lexicon {lexicon_version()}, engine {ENGINE_VERSION}"


def score_articles(articles: Sequence[StoredArticle], model: Scorer | None, context: Context) -> Scoring:
    """Return what the model says of each article about each of its symbols; articles not in English are left out."""
    version = model_version_of(model)
    english = [article for article in articles if article.language == _ENGLISH]
    said_before = {(one.article_id, one.symbol): one for one in context.news.scores(english, version)}
    scoring = Scoring()
    unread: list[StoredArticle] = []
    for article in english:
        before = [said_before.get((article.id, symbol)) for symbol in article.symbols]
        if all(one is not None for one in before):
            scoring.scored += [_known(article, one) for one in before if one is not None]
        else:
            unread.append(article)
    for start in range(0, len(unread), BATCH):
        done = start / len(unread)
        context.progress(_PROGRESS_FROM + (1 - _PROGRESS_FROM) * done, f"{start} of {len(unread)} articles")
        _score_batch(unread[start : start + BATCH], model, version, scoring)
    left_out = len(articles) - len(english)
    if left_out:
        scoring.warnings.append(f"{left_out} articles are not in English and do not count")
    return scoring


def _score_batch(batch: Sequence[StoredArticle], model: Scorer | None, version: str, scoring: Scoring) -> None:
    names = bare_names([symbol for article in batch for symbol in article.symbols])
    texts = [scored_text(article) for article in batch]
    for article, text, score in zip(batch, texts, score_texts(texts, model, entities=names), strict=True):
        if score.probabilities is None:
            continue
        entities = find_entities(clean(text), names)
        for symbol in article.symbols:
            one = _scored(article, symbol, entities, score)
            scoring.scored.append(one)
            scoring.rows.append(_row(one, version))


def scored_text(article: StoredArticle) -> str:
    """Return what of an article is scored: its title, and the start of a summary that says something else."""
    summary = article.summary[:SUMMARY_CHARACTERS]
    if not summary or summary.casefold().startswith(article.title.casefold()):
        return summary or article.title
    return f"{article.title.rstrip('.')}. {summary}"


def _scored(article: StoredArticle, symbol: str, entities: Sequence[Entity], score: TextScore) -> ScoredArticle:
    """Return what an article says of a symbol: its clauses about it, else all of it."""
    known_as = same_company(symbol)
    entity = next((one for one in score.entities if one.symbol in known_as), None)
    said = score.probabilities
    probabilities = None
    if entity is None and said is not None:
        probabilities = LabelProbabilities(negative=said.negative, neutral=said.neutral, positive=said.positive)
    return ScoredArticle(
        article=article,
        symbol=symbol,
        label=score.label if entity is None else entity.label,
        score=score.score if entity is None else entity.score,
        probabilities=probabilities,
        relevance=max(LEAST_RELEVANCE, *(relevance_of(one, entities) for one in known_as)),
    )


def _known(article: StoredArticle, said: StoredScore) -> ScoredArticle:
    probabilities = None
    if said.p_negative is not None and said.p_neutral is not None and said.p_positive is not None:
        probabilities = LabelProbabilities(negative=said.p_negative, neutral=said.p_neutral, positive=said.p_positive)
    return ScoredArticle(article, said.symbol, said.label, said.score, probabilities, said.relevance)


def _row(one: ScoredArticle, version: str) -> Row:
    said = one.probabilities
    values = {
        "article_id": one.article.id,
        "symbol": one.symbol,
        "model_version": version,
        "label": one.label,
        "score": one.score,
        "p_negative": None if said is None else said.negative,
        "p_neutral": None if said is None else said.neutral,
        "p_positive": None if said is None else said.positive,
        "relevance": min(one.relevance, 1.0),
    }
    return Row("article_scores", values, or_skip=True)
