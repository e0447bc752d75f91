"""Tells what a commit changed, off the path of the request: events to listeners, doorbells to workers.

Best effort by design. What is not told (a full queue, a Redis that hangs, a crash before the publish) the relay
finds in the outbox and tells again; so a submit never waits for Redis.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core import heartbeats
from backend.core.db.batches import mark_announced
from backend.core.db.upkeep import FORGET_TOLD
from backend.core.event_log import Announcement, publish_async
from backend.core.events import batch_finished, job_changed
from backend.core.jobs.batch import BatchSummary
from backend.core.jobs.job import JobSummary
from backend.core.logging import get_logger
from backend.core.tasks import end_task

MAX_WAITING = 10_000
MAX_BATCH = 200
SETTLE_AFTER_S = 0.25
"""How long what was told stays in the outbox: then it is taken out together, and no job waits for that."""

log = get_logger(__name__)


@dataclass(frozen=True)
class Change:
    """A job that moved, and the queue whose bell it rings (if any)."""

    job: JobSummary
    bell: str | None = None


class Announcer:
    """One background task that sends changes in batches, in the order of their commits; another takes note of it."""

    def __init__(self, engine: AsyncEngine, redis: Redis) -> None:
        self._engine = engine
        self._redis = redis
        self._waiting: asyncio.Queue[Change | BatchSummary] = asyncio.Queue(MAX_WAITING)
        self._tasks: Sequence[asyncio.Task[None]] = ()
        self._told: dict[UUID, int] = {}
        self._ends: list[tuple[UUID, datetime]] = []
        self._has_told = asyncio.Event()
        self.failures = 0
        """How many times Redis or Postgres did not take what was to be told."""
        self._slots: Mapping[str, int] = {}
        self._slots_until = 0.0

    def start(self) -> None:
        settling = asyncio.create_task(self._settle_in_time(), name="announcer-settling")
        self._tasks = (asyncio.create_task(self._run(), name="announcer"), settling)

    async def stop(self) -> None:
        """Send what still waits, for a moment at most, and end."""
        if not self._tasks:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), 2)
        for task in self._tasks:
            await end_task(task)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settle(), 2)

    def tell(self, change: Change | BatchSummary) -> None:
        """Take note of a change, or of a batch that has finished; when too many wait, leave this one to the relay."""
        try:
            self._waiting.put_nowait(change)
        except asyncio.QueueFull:
            told = change.job.log_names if isinstance(change, Change) else {"batch_id": str(change.id)}
            log.warning("announcement_left_to_relay", **told)

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                await self._send(batch)
            except (RedisError, OSError, TimeoutError) as error:
                self.failures += 1
                log.warning("announcements_failed", count=len(batch), error=str(error))
            finally:
                for _ in batch:
                    self._waiting.task_done()

    async def _send(self, batch: Sequence[Change | BatchSummary]) -> None:
        changes = [change for change in batch if isinstance(change, Change)]
        bells: list[tuple[str, UUID | None]] = [(c.bell, c.job.id) for c in changes if c.bell is not None]
        events = [job_changed(one.job) if isinstance(one, Change) else batch_finished(one) for one in batch]
        await publish_async(self._redis, Announcement(events, bells, self._slots))
        await self._look_for_slots()
        self._told.update((change.job.id, change.job.version) for change in changes)
        self._ends += [(one.id, one.finished_at) for one in batch if not isinstance(one, Change) and one.finished_at]
        self._has_told.set()

    async def _settle_in_time(self) -> None:
        while True:
            await self._has_told.wait()
            await asyncio.sleep(SETTLE_AFTER_S)
            await self._settle()

    async def _settle(self) -> None:
        """Take what was told out of the outbox; where that fails, the relay tells it once more."""
        told, ends = self._told, self._ends
        self._told, self._ends = {}, []
        self._has_told.clear()
        if not told and not ends:
            return
        try:
            async with self._engine.begin() as connection:
                await connection.execute(FORGET_TOLD, {"ids": list(told), "versions": list(told.values())})
                if ends:
                    await connection.execute(mark_announced(ends))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            self.failures += 1
            log.warning("outbox_left_to_relay", jobs=len(told), error=type(error).__name__)

    async def _look_for_slots(self) -> None:
        now = time.monotonic()
        if now >= self._slots_until:
            self._slots = await heartbeats.slots_by_queue_async(self._redis)
            self._slots_until = now + heartbeats.EVERY_S
