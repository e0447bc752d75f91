"""Keeps the lanes as they should be: with their users' caps of today, none idle for long, none missing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from backend.core.db import lanes
from backend.core.logging import get_logger
from backend.settings import JobSettings

IDLE_S = 60.0
BATCH = 500

log = get_logger(__name__)


def follow_caps(engine: Engine, limits: JobSettings) -> None:
    """Let a changed role or setting count for lanes that are there already."""
    with engine.begin() as connection:
        changed = connection.execute(lanes.follow_caps(limits)).all()
    if changed:
        log.info("lane_caps_changed", count=len(changed))


def delete_idle_lanes(engine: Engine, idle_s: float = IDLE_S) -> int:
    """Delete lanes that nothing has used for a while, since each claim looks at all of its queue; return how many."""
    deleted = 0
    is_more = True
    while is_more:
        with engine.connect() as connection:
            idle = connection.execute(lanes.IDLE_LANES, {"idle_s": idle_s, "limit": BATCH}).all()
        some = _delete(engine, [(row.queue, row.user_id) for row in idle], idle_s)
        deleted += some
        is_more = some == BATCH  # fewer: no more are idle, or some are in use again
    if deleted:
        log.info("idle_lanes_deleted", count=deleted)
    return deleted


def open_missing_lanes(engine: Engine, limits: JobSettings) -> None:
    """Open lanes for queued jobs that have none. No submit leaves one; a row from elsewhere would wait for ever."""
    with engine.begin() as connection:
        for queue, user_id in connection.execute(lanes.open_missing_lanes(limits)).all():
            log.warning("lane_was_missing", queue=queue, user_id=str(user_id))


def _delete(engine: Engine, idle: Sequence[tuple[str, UUID]], idle_s: float) -> int:
    """Delete those of these lanes that are idle still, looking again once nobody else can begin to use them."""
    if not idle:
        return 0
    with engine.begin() as connection:
        locked = connection.execute(lanes.LOCK_LANES, _columns(idle)).all()
        these = _columns([(row.queue, row.user_id) for row in locked])
        return connection.execute(lanes.DELETE_IDLE_LANES, {**these, "idle_s": idle_s}).rowcount


def _columns(found: Sequence[tuple[str, UUID]]) -> dict[str, list[Any]]:  # Any: column values
    return {"queues": [queue for queue, _ in found], "user_ids": [user_id for _, user_id in found]}
