"""Whether new jobs are taken, asked at every submit and answered from memory most of the time.

Exact enough: a queue that is drained takes jobs for up to a second more, and each replica may overshoot a user's cap
by what it takes in one second. In return a submit costs no query, whatever the depth.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core.db import admission
from backend.core.db.queue_controls import draining
from backend.core.db.statements import job_by_key
from backend.core.errors import AppError
from backend.core.jobs.submission import Submission, unfinished_cap
from backend.core.user import User
from backend.settings import JobSettings

REMEMBER_S = 1.0
ASK_AGAIN_S = 0.1
"""How soon a user who is at the cap is counted again: jobs may have ended."""
MAX_USERS = 10_000


class Gate:
    """Knows which queues are draining, as of at most a second ago."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._draining: set[str] = set()
        self._asked_at = float("-inf")
        self._lock = asyncio.Lock()

    async def draining(self) -> set[str]:
        if time.monotonic() - self._asked_at > REMEMBER_S:
            async with self._lock:
                if time.monotonic() - self._asked_at > REMEMBER_S:
                    async with self._engine.connect() as connection:
                        self._draining = set((await connection.execute(draining())).scalars())
                    self._asked_at = time.monotonic()
        return self._draining


@dataclass
class _Count:
    """A user's unfinished jobs: as counted, and what was let in since."""

    unfinished: int = 0
    counted_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self.counted_at > seconds


class Depth:
    """Keeps users from having more unfinished jobs than their role may."""

    def __init__(self, engine: AsyncEngine, limits: JobSettings) -> None:
        self._engine = engine
        self._limits = limits
        self._counts: OrderedDict[UUID, _Count] = OrderedDict()

    async def admit(self, user: User, count: int = 1) -> None:
        """Let so many more jobs of the user in; TooManyUnfinished when there is no room for all of them."""
        cap = unfinished_cap(user, self._limits)
        if cap is None:
            return
        known = self._known(user.id)
        async with known.lock:
            is_full = known.unfinished + count > cap
            if known.is_older_than(ASK_AGAIN_S if is_full else REMEMBER_S):
                async with self._engine.connect() as connection:
                    counted = await connection.execute(admission.unfinished_count(user.id, cap))
                known.unfinished, known.counted_at = counted.scalar_one(), time.monotonic()
            admission.require_room(known.unfinished, count, cap)
            known.unfinished += count

    def _known(self, user_id: UUID) -> _Count:
        known = self._counts.setdefault(user_id, _Count())
        self._counts.move_to_end(user_id)
        if len(self._counts) > MAX_USERS:
            self._counts.popitem(last=False)
        return known


class Admission:
    """All that a submit asks before it writes."""

    def __init__(self, engine: AsyncEngine, limits: JobSettings) -> None:
        self._engine = engine
        self.gate = Gate(engine)
        self.depth = Depth(engine, limits)

    async def admit(self, user: User, wanted: Sequence[Submission], key: str | None = None) -> None:
        """Raise what keeps these jobs from being taken; a key that has its job already is no new job, and may pass."""
        try:
            admission.require_time_left(wanted)
            admission.require_open([one.spec.queue for one in wanted], await self.gate.draining())
            await self.depth.admit(user, len(wanted))
        except AppError:
            if key is None or not await self._is_known(user, key):
                raise

    async def admit_again(self, user: User, queues: Collection[str], *, is_own: bool) -> None:
        """Raise what keeps ended jobs in these queues from being tried again; others' do not count as the user's."""
        admission.require_open(queues, await self.gate.draining())
        if is_own:
            await self.depth.admit(user, len(queues))

    async def _is_known(self, user: User, key: str) -> bool:
        async with self._engine.connect() as connection:
            return (await connection.execute(job_by_key(user.id, key))).one_or_none() is not None
