"""Queues as operators see and steer them: paused (nothing is begun), draining (nothing new is taken), or open."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core import heartbeats
from backend.core.db import queue_controls
from backend.core.errors import Forbidden, NotFound
from backend.core.event_log import Announcement, publish_async
from backend.core.jobs.lifecycle import JobState
from backend.core.jobs.registry import QUEUES
from backend.core.logging import get_logger
from backend.core.user import User

log = get_logger(__name__)


@dataclass(frozen=True)
class QueueStatus:
    """One queue at this moment. `slots` is None when Redis, where workers give signs of life, does not answer."""

    name: str
    is_paused: bool
    is_draining: bool
    is_empty: bool
    scheduled: int
    queued: int
    running: int
    waiting: int
    oldest_at: datetime | None
    oldest_age_s: float | None
    slots: int | None
    changed_by: str | None
    changed_at: datetime | None


class Queues:
    """All of it is for admins."""

    def __init__(self, engine: AsyncEngine, redis: Redis) -> None:
        self._engine = engine
        self._redis = redis

    async def list(self, user: User) -> list[QueueStatus]:
        _require_admin(user)
        async with self._engine.connect() as connection:
            depths = (await connection.execute(queue_controls.DEPTHS)).mappings().all()
            controls = (await connection.execute(queue_controls.controls())).mappings().all()
        by_queue: dict[str, dict[str, Mapping[Any, Any]]] = defaultdict(dict)
        for depth in depths:
            by_queue[depth["queue"]][depth["state"]] = depth
        set_by_queue = {control["queue"]: control for control in controls}
        slots = await self._slots()
        return [_status(name, by_queue[name], set_by_queue.get(name), slots) for name in QUEUES]

    async def pause(self, user: User, name: str) -> QueueStatus:
        """Let nothing more of the queue begin; it goes on taking jobs, and what runs goes on."""
        return await self._set(user, name, "queue_paused", is_paused=True)

    async def drain(self, user: User, name: str) -> QueueStatus:
        """Take nothing new; what is there is finished."""
        return await self._set(user, name, "queue_draining", is_draining=True)

    async def resume(self, user: User, name: str) -> QueueStatus:
        """Undo both, and ring for what waits."""
        status = await self._set(user, name, "queue_resumed", is_paused=False, is_draining=False)
        bells = [(name, None)] * min(status.queued, max(status.slots or 0, 1))
        try:
            await publish_async(self._redis, Announcement(bells=bells))
        except (RedisError, OSError) as error:
            log.warning("ring_left_to_relay", queue=name, error=type(error).__name__)
        return status

    async def _set(
        self, user: User, name: str, event: str, *, is_paused: bool | None = None, is_draining: bool | None = None
    ) -> QueueStatus:
        _require_admin(user)
        if name not in QUEUES:
            raise NotFound(f"there is no queue {name!r}; there are {', '.join(QUEUES)}")
        change = queue_controls.set_control(name, user.id, is_paused=is_paused, is_draining=is_draining)
        async with self._engine.begin() as connection:
            has_changed = (await connection.execute(change)).one_or_none() is not None
        if has_changed:
            log.warning(event, queue=name, by=user.name, user_id=str(user.id))
        return next(status for status in await self.list(user) if status.name == name)

    async def _slots(self) -> dict[str, int] | None:
        """Return how many jobs of each queue the living workers can run at once; None when nobody knows."""
        slots: dict[str, int] = defaultdict(int)
        try:
            for worker in await heartbeats.living_workers(self._redis):
                for queue in worker.queues:
                    slots[queue] += worker.slots
        except (RedisError, OSError):
            return None
        return slots


def _status(
    name: str, depths: Mapping[str, Mapping[Any, Any]], control: Mapping[Any, Any] | None, slots: dict[str, int] | None
) -> QueueStatus:
    queued = depths.get(JobState.QUEUED, {})
    return QueueStatus(
        name=name,
        is_paused=control is not None and control["is_paused"],
        is_draining=control is not None and control["is_draining"],
        is_empty=not depths,
        **{state: depths.get(state, {}).get("jobs", 0) for state in ("scheduled", "queued", "running", "waiting")},
        oldest_at=queued.get("oldest_at"),
        oldest_age_s=None if not queued else max(0.0, round(float(queued["oldest_age_s"]), 3)),
        slots=None if slots is None else slots.get(name, 0),
        changed_by=None if control is None else control["changed_by_name"],
        changed_at=None if control is None else control["changed_at"],
    )


def _require_admin(user: User) -> None:
    if not user.is_admin:
        raise Forbidden(f"only an admin may look after queues; {user.name} has the role {user.role}")
