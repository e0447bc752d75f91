"""The statements on signals, as pure builders: the same run in async and in sync sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Case,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Update,
    case,
    func,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on

from backend.core.db.research_tables import article_scores, articles, signals
from backend.core.db.statements import NOW
from backend.core.signals import UnscoredSeries
from market_data.timeframe import STEP_S

TOLD = tuple(column for column in signals.c if column.name not in {"announced_at", "tried_at"})
LOOK_BACK_BARS = 3
LOOK_BACK_AFTER = timedelta(days=4)
"""The newest bar may be that of Thursday, on the Tuesday after a holiday."""


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


def unscored_series(symbols: Sequence[str] | None, limit: int) -> Select[Any]:
    """Select the series of the `limit` signals that have waited longest for a look, with how many they are in each."""
    waiting = select(signals.c.user_id, signals.c.timeframe, signals.c.symbol).where(signals.c.outcome.is_(None))
    if symbols is not None:
        waiting = waiting.where(signals.c.symbol.in_(symbols))
    chosen = waiting.order_by(signals.c.tried_at, signals.c.id).limit(limit).subquery()
    key = (chosen.c.user_id, chosen.c.timeframe, chosen.c.symbol)
    return select(*key, func.count().label("signal_count")).group_by(*key).order_by(*key)


def unscored_of(series: UnscoredSeries, after: tuple[datetime, UUID] | None, limit: int) -> Select[Any]:
    """Select signals of one series and owner, those first that have waited longest for a look."""
    mine = (
        (signals.c.user_id == series.user_id)
        & (signals.c.timeframe == series.timeframe)
        & (signals.c.symbol == series.symbol)
    )
    place = tuple_(signals.c.tried_at, signals.c.id)
    statement = select(*TOLD, signals.c.tried_at).where(mine, signals.c.outcome.is_(None))
    if after is not None:
        statement = statement.where(place > tuple_(*map(literal, after)))
    return statement.order_by(signals.c.tried_at, signals.c.id).limit(limit)


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
    """Select how scored signals fared: by action, set of models, whether they had seen the bars, and look-backs apart.

    What the same models said again of the same bar to the same user counts once, as it was said first. Returns are
    those of the action's side. `brier` is the mean of the squared distance between the probabilities and what came,
    over the three classes (Brier 1950): 0 is perfect, 2 the worst, 2/3 that of knowing nothing.
    """
    one = _first_ones(wanted).subquery()
    is_scored = one.c.outcome.is_not(None)
    side = case((one.c.action == "sell", -1.0), else_=1.0)
    key = (one.c.action, one.c.models, one.c.is_in_sample, one.c.is_look_back)
    return (
        select(
            *key,
            func.count().label("signal_count"),
            func.count().filter(is_scored).label("scored_count"),
            func.avg(_is_hit(one)).filter(is_scored).label("hit_rate"),
            func.avg(_own_probability(one)).filter(is_scored).label("mean_probability"),
            func.avg(_brier(one)).filter(is_scored).label("brier"),
            func.avg(side * one.c.expected_return_frac).filter(is_scored).label("mean_expected_return_frac"),
            func.avg(one.c.outcome_return_frac).filter(is_scored).label("mean_return_frac"),
            func.avg(one.c.outcome_return_frac - cost_frac).filter(is_scored).label("mean_return_after_cost_frac"),
            func.min(one.c.as_of).label("first_as_of"),
            func.max(one.c.as_of).label("last_as_of"),
        )
        .where(*_of_itself(wanted, one))
        .group_by(*key)
        .order_by(one.c.action, one.c.is_look_back, one.c.is_in_sample, one.c.models)
    )


def _first_ones(wanted: SignalFilter) -> Select[Any]:
    """Select each signal that is not a repeat, with `is_look_back`: it was given long after its bar."""
    key = [signals.c[name] for name in ("user_id", "symbol", "timeframe", "as_of", "horizon_bars", "models")]
    lags = {name: timedelta(seconds=LOOK_BACK_BARS * step_s) + LOOK_BACK_AFTER for name, step_s in STEP_S.items()}
    is_look_back = signals.c.created_at - signals.c.as_of > case(lags, value=signals.c.timeframe)
    return (
        select(*TOLD, is_look_back.label("is_look_back"))
        .ext(distinct_on(*key))
        .where(*_whose(wanted))
        .order_by(*key, signals.c.created_at, signals.c.id)
    )


def _is_hit(one: Subquery) -> Case[Any]:
    """Return 1 where the action came true: the target was met, or, of a hold, neither barrier was."""
    return _is(one.c.outcome == case((one.c.action == "hold", "timeout"), else_="target"))


def _own_probability(one: Subquery) -> Case[Any]:
    by_action = {"buy": one.c.p_buy, "sell": one.c.p_sell, "hold": one.c.p_hold}
    return case(by_action, value=one.c.action)


def _brier(one: Subquery) -> ColumnElement[Any]:
    """Return the Brier score of one signal; for a sell the target is the lower barrier."""
    is_sell = one.c.action == "sell"
    upper = case((is_sell, "stop"), else_="target")
    lower = case((is_sell, "target"), else_="stop")
    classes = ((one.c.p_buy, upper), (one.c.p_sell, lower), (one.c.p_hold, literal("timeout")))
    first, second, third = (_square(probability - _is(one.c.outcome == came)) for probability, came in classes)
    return first + second + third


def _is(condition: ColumnElement[bool]) -> Case[Any]:
    return case((condition, 1.0), else_=0.0)


def _square(distance: ColumnElement[Any]) -> ColumnElement[Any]:
    return distance * distance


def _conditions(wanted: SignalFilter) -> list[ColumnElement[bool]]:
    return [*_whose(wanted), *_of_itself(wanted, signals)]


def _whose(wanted: SignalFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.user_id is not None:
        conditions.append(signals.c.user_id == wanted.user_id)
    if wanted.symbol is not None:
        conditions.append(signals.c.symbol == wanted.symbol)
    return conditions


def _of_itself(wanted: SignalFilter, of: FromClause) -> list[ColumnElement[bool]]:
    """Return what is asked of a signal itself: repeats of one that is too old are not looked at in its place."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.action is not None:
        conditions.append(of.c.action == wanted.action)
    if wanted.since is not None:
        conditions.append(of.c.created_at >= wanted.since)
    return conditions
