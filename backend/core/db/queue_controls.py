"""The statements on queues: how full they are, and who paused or drains them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Executable, Select, Uuid, bindparam, select, text

from backend.core.db.control_tables import queue_controls
from backend.core.db.tables import users

DEPTHS = text(
    """
SELECT queue, state, count(*) AS jobs, min(run_at) FILTER (WHERE state = 'queued') AS oldest_at,
  EXTRACT(epoch FROM clock_timestamp() - min(run_at) FILTER (WHERE state = 'queued')) AS oldest_age_s
FROM jobs WHERE finished_at IS NULL GROUP BY 1, 2
"""
)
"""How many unfinished jobs each queue has, by state, and since when its oldest queued one may run."""

SET_CONTROL = text(
    """
INSERT INTO queue_controls AS q (queue, is_paused, is_draining, changed_by)
VALUES (:queue, coalesce(:is_paused, false), coalesce(:is_draining, false), :changed_by)
ON CONFLICT (queue) DO UPDATE SET
  is_paused = coalesce(:is_paused, q.is_paused), is_draining = coalesce(:is_draining, q.is_draining),
  changed_by = excluded.changed_by, changed_at = now()
WHERE q.is_paused <> coalesce(:is_paused, q.is_paused) OR q.is_draining <> coalesce(:is_draining, q.is_draining)
RETURNING queue
"""
).bindparams(
    bindparam("changed_by", type_=Uuid), bindparam("is_paused", type_=Boolean), bindparam("is_draining", type_=Boolean)
)


def set_control(
    queue: str, changed_by: UUID, *, is_paused: bool | None = None, is_draining: bool | None = None
) -> Executable:
    """Set what is given, leave what is None; a row comes back when that changed anything."""
    return SET_CONTROL.bindparams(queue=queue, changed_by=changed_by, is_paused=is_paused, is_draining=is_draining)


def controls() -> Select[Any]:
    return select(queue_controls, users.c.name.label("changed_by_name")).outerjoin(
        users, users.c.id == queue_controls.c.changed_by
    )


def draining() -> Select[Any]:
    """Select the queues that take nothing new."""
    return select(queue_controls.c.queue).where(queue_controls.c.is_draining)
