"""The statements on news articles and what models said of them. News are public: every user sees all of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Select, Text, any_, func, literal, or_, select, true
from sqlalchemy.dialects.postgresql import Insert, insert

from backend.core.db.research_tables import article_scores, article_symbols, articles

LEAST_RELEVANCE = 0.1
"""Of an article that does not name the symbol, but whose source says that it is about it."""


def add_articles() -> Insert:
    """Insert articles, leaving out those that are there. Rows go in the order of their keys: no deadlocks."""
    return insert(articles).on_conflict_do_nothing(index_elements=["key_sha256"])


def add_symbols() -> Insert:
    """Insert which symbols articles are about, leaving out what is known."""
    return insert(article_symbols).on_conflict_do_nothing()


def ids_by_key(keys: Sequence[bytes]) -> Select[Any]:
    return select(articles.c.key_sha256, articles.c.id).where(articles.c.key_sha256.in_(keys))


def articles_about(
    symbols: Sequence[str],
    since: datetime,
    until: datetime,
    *,
    limit: int,
    sources: Sequence[str],
    or_ids: Sequence[int] = (),
) -> Select[Any]:
    """Select articles with a symbol each, the newest first and `limit` at most for a symbol.

    Those of the sources are selected, and those of the ids. An article about two of the symbols comes twice.
    """
    wanted = func.unnest(literal(list(symbols), ARRAY(Text))).table_valued("symbol", name="wanted").render_derived()
    is_given = articles.c.id == any_(literal(list(or_ids), ARRAY(BigInteger)))
    newest = (
        select(articles, article_symbols.c.symbol)
        .select_from(article_symbols.join(articles, articles.c.id == article_symbols.c.article_id))
        .where(
            article_symbols.c.symbol == wanted.c.symbol,
            articles.c.published_at >= since,
            articles.c.published_at <= until,
            or_(articles.c.source.in_(sources), is_given),
        )
        .order_by(articles.c.published_at.desc(), articles.c.id.desc())
        .limit(limit)
        .lateral("newest")
    )
    return (
        select(newest)
        .select_from(wanted.join(newest, onclause=true()))
        .order_by(newest.c.published_at.desc(), newest.c.id.desc(), newest.c.symbol)
    )


def scores_of(article_ids: Sequence[int], model_version: str) -> Select[Any]:
    """Select what one model's version said of articles."""
    return select(article_scores).where(
        article_scores.c.article_id.in_(article_ids), article_scores.c.model_version == model_version
    )


def newest_scores(symbol: str, since: datetime, until: datetime, *, limit: int) -> Select[Any]:
    """Select the articles about a symbol with the newest score that each has, the newest articles first."""
    latest = (
        select(article_scores)
        .where(article_scores.c.article_id == articles.c.id, article_scores.c.symbol == symbol)
        .order_by(article_scores.c.created_at.desc(), article_scores.c.model_version.desc())
        .limit(1)
        .lateral("latest")
    )
    return (
        select(
            articles,
            *(latest.c[name] for name in ("model_version", "label", "score", "relevance")),
            *(latest.c[name] for name in ("p_negative", "p_neutral", "p_positive")),
        )
        .select_from(
            article_symbols.join(articles, articles.c.id == article_symbols.c.article_id).join(
                latest, onclause=latest.c.symbol == article_symbols.c.symbol
            )
        )
        .where(article_symbols.c.symbol == symbol, articles.c.published_at >= since, articles.c.published_at <= until)
        .order_by(articles.c.published_at.desc(), articles.c.id.desc())
        .limit(limit)
    )
