"""The statements on webhooks, and on what is delivered to them. All clocks are Postgres's own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Delete,
    Select,
    TextClause,
    Update,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate
from sqlalchemy.types import Uuid

from backend.core.db.control_tables import webhook_deliveries, webhooks

NOW = func.clock_timestamp()
KEPT_TRIES = 50
W, D = webhooks, webhook_deliveries


def add_webhook(values: Mapping[str, Any], limit: int) -> ReturningInsert[Any]:  # Any: column values
    """Insert a webhook, unless the user has `limit` already."""
    mine = select(func.count()).select_from(W).where(W.c.user_id == values["user_id"]).scalar_subquery()
    row = select(*(literal(value, W.c[name].type).label(name) for name, value in values.items())).where(mine < limit)
    return insert(W).from_select(list(values), row).returning(W)


def webhook_by_id(webhook_id: UUID, user_id: UUID | None) -> Select[Any]:
    return _owned(select(W).where(W.c.id == webhook_id), user_id)


def list_webhooks(user_id: UUID | None, before: tuple[datetime, UUID] | None, limit: int) -> Select[Any]:
    """Select the newest webhooks first."""
    statement = _owned(select(W), user_id)
    if before is not None:
        statement = statement.where(tuple_(W.c.created_at, W.c.id) < tuple_(*map(literal, before)))
    return statement.order_by(W.c.created_at.desc(), W.c.id.desc()).limit(limit)


def change_webhook(webhook_id: UUID, user_id: UUID | None, **values: Any) -> ReturningUpdate[Any]:  # Any: column values
    """Change a webhook; one that is enabled again begins without its old failures."""
    if values.get("is_enabled"):
        values |= {"disabled_reason": None, "failing_since": None, "failure_count": 0}
    statement = update(W).where(W.c.id == webhook_id).values(**values, changed_at=NOW)
    return (statement if user_id is None else statement.where(W.c.user_id == user_id)).returning(W)


def rotate_secret(webhook_id: UUID, user_id: UUID | None, secret: str, overlap_s: float) -> ReturningUpdate[Any]:
    """Give a webhook a new secret; the one before signs on for a while."""
    until = NOW + func.make_interval(0, 0, 0, 0, 0, 0, overlap_s)
    return change_webhook(webhook_id, user_id, secret=secret, previous_secret=W.c.secret, previous_secret_until=until)


def drop_webhook(webhook_id: UUID, user_id: UUID | None) -> Delete:
    statement = delete(W).where(W.c.id == webhook_id)
    return statement if user_id is None else statement.where(W.c.user_id == user_id)


def add_delivery(webhook_id: UUID, event: str, data: Mapping[str, Any]) -> ReturningInsert[Any]:  # Any: JSON
    """Insert a delivery that no job is behind."""
    body = func.jsonb_build_object("type", event, "timestamp", NOW, "data", literal(dict(data), JSONB))
    return insert(D).values(webhook_id=webhook_id, event=event, body=body).returning(D)


def list_deliveries(
    webhook_id: UUID, state: str | None, before: tuple[datetime, UUID] | None, limit: int
) -> Select[Any]:
    """Select the newest deliveries first."""
    statement = select(D).where(D.c.webhook_id == webhook_id)
    if state is not None:
        statement = statement.where(D.c.state == state)
    if before is not None:
        statement = statement.where(tuple_(D.c.created_at, D.c.id) < tuple_(*map(literal, before)))
    return statement.order_by(D.c.created_at.desc(), D.c.id.desc()).limit(limit)


def redeliver(webhook_id: UUID, delivery_id: UUID) -> ReturningUpdate[Any]:
    """Let a delivery be tried again at once, with all its tries before it."""
    again = {"state": "pending", "ended_at": None, "attempt": 0, "next_attempt_at": NOW}
    return update(D).where(D.c.id == delivery_id, D.c.webhook_id == webhook_id).values(**again).returning(D)


CLAIM_DELIVERIES: TextClause = text(
    """
WITH due AS (
  SELECT turn.id FROM webhooks w
  CROSS JOIN LATERAL (
    SELECT d.id, d.next_attempt_at FROM webhook_deliveries d
    WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.next_attempt_at <= clock_timestamp()
    ORDER BY d.next_attempt_at LIMIT :at_once FOR UPDATE SKIP LOCKED
  ) turn
  WHERE w.is_enabled AND w.id <> ALL (:busy)
    AND EXISTS (SELECT 1 FROM webhook_deliveries WHERE state = 'pending' AND next_attempt_at <= clock_timestamp())
  ORDER BY turn.next_attempt_at LIMIT :room
)
UPDATE webhook_deliveries d
SET attempt = d.attempt + 1, next_attempt_at = clock_timestamp() + make_interval(secs => :lease_s)
FROM due, webhooks w WHERE d.id = due.id AND w.id = d.webhook_id
RETURNING d.id, d.webhook_id, d.attempt, CAST(d.body AS text) AS body, w.url, w.secret,
  CASE WHEN w.previous_secret_until > clock_timestamp() THEN w.previous_secret END AS previous_secret
"""
).bindparams(bindparam("busy", type_=ARRAY(Uuid)))
"""Take deliveries whose time has come: `room` of them, `at_once` of one webhook at most, so that a slow receiver keeps
nobody else waiting. Until their lease is over nobody else takes them; whoever dies meanwhile is made up for then."""


def note_delivered(delivery_id: UUID, attempt: int, tried: Mapping[str, Any]) -> Update:  # Any: JSON
    return _note(delivery_id, attempt, tried).values(state="delivered", ended_at=NOW)


def note_failed(
    delivery_id: UUID,
    attempt: int,
    tried: Mapping[str, Any],
    again_after_s: float | None,  # Any: JSON
) -> Update:
    """Write a failed try down; `again_after_s` None: there is no other."""
    statement = _note(delivery_id, attempt, tried)
    if again_after_s is None:
        return statement.values(state="failed", ended_at=NOW)
    return statement.values(next_attempt_at=NOW + func.make_interval(0, 0, 0, 0, 0, 0, again_after_s))


def note_webhook_well(webhook_id: UUID) -> Update:
    return update(W).where(W.c.id == webhook_id, W.c.failure_count > 0).values(failing_since=None, failure_count=0)


def note_webhook_failing(webhook_id: UUID, *, disable_after: int, disable_after_s: float) -> ReturningUpdate[Any]:
    """Count a failure; too many in a row, over too long, disable a webhook. The answer says whether this one did."""
    is_hopeless = (W.c.failure_count + 1 >= disable_after) & (
        W.c.failing_since < NOW - func.make_interval(0, 0, 0, 0, 0, 0, disable_after_s)
    )
    told = "so many tries in a row have failed, for so long, that no more are made"
    return (
        update(W)
        .where(W.c.id == webhook_id)
        .values(
            failure_count=W.c.failure_count + 1,
            failing_since=func.coalesce(W.c.failing_since, NOW),
            is_enabled=W.c.is_enabled & ~func.coalesce(is_hopeless, literal(value=False)),
            disabled_reason=case((is_hopeless & W.c.is_enabled, told), else_=W.c.disabled_reason),
        )
        .returning(W.c.is_enabled)
    )


def disable(webhook_id: UUID, reason: str) -> Update:
    return update(W).where(W.c.id == webhook_id).values(is_enabled=False, disabled_reason=reason, changed_at=NOW)


def end_pending(webhook_id: UUID) -> Update:
    """Try no more what is pending for a webhook that was disabled."""
    return update(D).where(D.c.webhook_id == webhook_id, D.c.state == "pending").values(state="failed", ended_at=NOW)


def claim_parameters(
    busy: Sequence[UUID], room: int, at_once: int, lease_s: float
) -> dict[str, Any]:  # Any: parameters
    return {"busy": list(busy), "room": room, "at_once": at_once, "lease_s": lease_s}


def _note(delivery_id: UUID, attempt: int, tried: Mapping[str, Any]) -> Update:  # Any: JSON
    """Add a try to the log, unless somebody else has taken the delivery since."""
    kept = case((func.jsonb_array_length(D.c.attempts) >= KEPT_TRIES, D.c.attempts.op("-")(0)), else_=D.c.attempts)
    mine = (D.c.id == delivery_id) & (D.c.state == "pending") & (D.c.attempt == attempt)
    return update(D).where(mine).values(attempts=kept.op("||")(literal([dict(tried)], JSONB)))


def _owned(statement: Select[Any], user_id: UUID | None) -> Select[Any]:
    return statement if user_id is None else statement.where(W.c.user_id == user_id)
