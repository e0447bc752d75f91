"""The statements on signals, as pure builders: the same run in async and in sync sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Case, ColumnElement, Select, Update, case, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import distinct_on

from backend.core.db.research_tables import article_scores, articles, signals
from backend.core.db.statements import NOW

TOLD = tuple(column for column in signals.c if column.name != "announced_at")


@dataclass(frozen=True, kw_only=True)
class SignalFilter:
    """Which signals are meant; `user_id` None means those of all users."""

    user_id: UUID | None
    symbol: str | None = None
    action: str | None = None
    since: datetime | None = None


def list_signals(wanted: SignalFilter, before: tuple[datetime, UUID] | None, limit: int) -> Select[Any]:
    """Select the newest signals first."""
    statement = select(*TOLD).where(*_conditions(wanted))
    if before is not None:
        statement = statement.where(tuple_(signals.c.created_at, signals.c.id) < tuple_(*map(literal, before)))
    return statement.order_by(signals.c.created_at.desc(), signals.c.id.desc()).limit(limit)


def unannounced_of_job(job_id: UUID) -> Select[Any]:
    mine = (signals.c.job_id == job_id) & signals.c.announced_at.is_(None)
    return select(*TOLD).where(mine).order_by(signals.c.symbol)


def unannounced_signals(older_than_s: float, limit: int) -> Select[Any]:
    """Select signals that nobody was told of, though there was time enough."""
    settled = signals.c.created_at < NOW - func.make_interval(0, 0, 0, 0, 0, 0, older_than_s)
    statement = select(*TOLD).where(signals.c.announced_at.is_(None), settled)
    return statement.order_by(signals.c.created_at, signals.c.id).limit(limit)


def mark_announced(ids: Sequence[UUID]) -> Update:
    return update(signals).where(signals.c.id.in_(ids), signals.c.announced_at.is_(None)).values(announced_at=NOW)


def unscored_signals(symbols: Sequence[str] | None, limit: int) -> Select[Any]:
    """Select the oldest signals whose outcome is not known, those of one series and owner together."""
    oldest = select(*TOLD).where(signals.c.outcome.is_(None))
    if symbols is not None:
        oldest = oldest.where(signals.c.symbol.in_(symbols))
    chosen = oldest.order_by(signals.c.as_of, signals.c.id).limit(limit).subquery()
    return select(chosen).order_by(chosen.c.user_id, chosen.c.timeframe, chosen.c.symbol, chosen.c.as_of, chosen.c.id)


def moods(symbols: Sequence[str], since: datetime, until: datetime) -> Select[Any]:
    """Select the mean score of each symbol's articles published in that time, by relevance, and their count.

    Of an article that several models have scored, the latest score counts.
    """
    scored = (
        select(article_scores.c.symbol, article_scores.c.score, article_scores.c.relevance)
        .join(articles, articles.c.id == article_scores.c.article_id)
        .ext(distinct_on(article_scores.c.article_id, article_scores.c.symbol))
        .where(article_scores.c.symbol.in_(symbols), article_scores.c.relevance > 0)
        .where(articles.c.published_at > since, articles.c.published_at <= until)
        .order_by(article_scores.c.article_id, article_scores.c.symbol, article_scores.c.created_at.desc())
        .subquery()
    )
    weighted = func.sum(scored.c.score * scored.c.relevance) / func.sum(scored.c.relevance)
    return select(scored.c.symbol, weighted.label("score"), func.count().label("article_count")).group_by(
        scored.c.symbol
    )


def performance(wanted: SignalFilter, cost_frac: float) -> Select[Any]:
    """Select how scored signals fared, a row for each action, set of models and whether they had seen the bars.

    Returns are those of the action's side. `brier` is the mean of the squared distance between the probabilities and
    what came, over the three classes (Brier 1950): 0 is perfect, 2 the worst, 2/3 that of knowing nothing.
    """
    is_scored = signals.c.outcome.is_not(None)
    side = case((signals.c.action == "sell", -1.0), else_=1.0)
    key = (signals.c.action, signals.c.models, signals.c.is_in_sample)
    return (
        select(
            *key,
            func.count().label("signal_count"),
            func.count().filter(is_scored).label("scored_count"),
            func.avg(_is_hit()).filter(is_scored).label("hit_rate"),
            func.avg(_own_probability()).filter(is_scored).label("mean_probability"),
            func.avg(_brier()).filter(is_scored).label("brier"),
            func.avg(side * signals.c.expected_return_frac).filter(is_scored).label("mean_expected_return_frac"),
            func.avg(signals.c.outcome_return_frac).filter(is_scored).label("mean_return_frac"),
            func.avg(signals.c.outcome_return_frac - cost_frac).filter(is_scored).label("mean_return_after_cost_frac"),
            func.min(signals.c.as_of).label("first_as_of"),
            func.max(signals.c.as_of).label("last_as_of"),
        )
        .where(*_conditions(wanted))
        .group_by(*key)
        .order_by(signals.c.action, signals.c.is_in_sample, signals.c.models)
    )


def _is_hit() -> Case[Any]:
    """Return 1 where the action came true: the target was met, or, of a hold, neither barrier was."""
    came = case((signals.c.action == "hold", "timeout"), else_="target")
    return case((signals.c.outcome == came, 1.0), else_=0.0)


def _own_probability() -> Case[Any]:
    by_action = {"buy": signals.c.p_buy, "sell": signals.c.p_sell, "hold": signals.c.p_hold}
    return case(by_action, value=signals.c.action)


def _brier() -> ColumnElement[Any]:
    """Return the Brier score of one signal; for a sell the target is the lower barrier."""
    is_sell = signals.c.action == "sell"
    upper = case((is_sell, "stop"), else_="target")
    lower = case((is_sell, "target"), else_="stop")
    return _square(signals.c.p_buy, upper) + _square(signals.c.p_sell, lower) + _square(signals.c.p_hold, "timeout")


def _square(probability: ColumnElement[Any], outcome: ColumnElement[Any] | str) -> ColumnElement[Any]:
    distance = probability - case((signals.c.outcome == outcome, 1.0), else_=0.0)
    return distance * distance


def _conditions(wanted: SignalFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.user_id is not None:
        conditions.append(signals.c.user_id == wanted.user_id)
    if wanted.symbol is not None:
        conditions.append(signals.c.symbol == wanted.symbol)
    if wanted.action is not None:
        conditions.append(signals.c.action == wanted.action)
    if wanted.since is not None:
        conditions.append(signals.c.created_at >= wanted.since)
    return conditions
