"""Is each part there? Every check ends in bounded time and says what it found."""

import asyncio
import socket
import time
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.core import heartbeats
from backend.core.db.tables import SCHEMA_REVISION
from backend.core.jobs.registry import QUEUES
from backend.settings import Settings

CHECK_TIMEOUT_S = 3.0
Status = Literal["ok", "down", "unknown"]
Field = str | int | float | bool | None


@dataclass(frozen=True)
class Finding:
    status: Status
    detail: str | None = None
    fields: dict[str, Field | dict[str, Field]] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        return self.status == "ok"


class Health:
    def __init__(self, engine: AsyncEngine, redis: Redis, settings: Settings) -> None:
        self._engine = engine
        self._redis = redis
        self._settings = settings

    async def database(self) -> Finding:
        """Check that Postgres answers and has this version's schema."""
        start = time.perf_counter()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S), self._engine.connect() as connection:
                revision = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            return Finding("down", f"Postgres does not answer as expected: {type(error).__name__}")
        if revision != SCHEMA_REVISION:
            told = f"the schema is at {revision}, this version needs {SCHEMA_REVISION}: run `aitrader migrate`"
            return Finding("down", told)
        return Finding("ok", fields={"latency_ms": _ms_since(start), "schema": revision})

    async def redis(self) -> Finding:
        start = time.perf_counter()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            return Finding("down", f"Redis does not answer: {type(error).__name__}")
        return Finding("ok", fields={"latency_ms": _ms_since(start)})

    async def workers(self) -> Finding:
        """Check that each queue has a living worker."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                alive = await heartbeats.living_workers(self._redis)
        except (RedisError, OSError, TimeoutError):
            return Finding("unknown", "Redis does not answer, and workers tell it that they live")
        queues: dict[str, Field] = {
            queue: sum(worker.slots for worker in alive if queue in worker.queues) for queue in QUEUES
        }
        idle = [queue for queue, slots in queues.items() if not slots]
        detail = f"no worker serves {', '.join(idle)}" if idle else None
        return Finding("down" if idle else "ok", detail, {"workers": len(alive), "slots_by_queue": queues})

    async def relay(self) -> Finding:
        """Check that one relay is active."""
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                alive = await heartbeats.living_relays(self._redis)
        except (RedisError, OSError, TimeoutError):
            return Finding("unknown", "Redis does not answer, and the relay tells it that it lives")
        active = [relay for relay in alive if relay.is_active]
        fields: dict[str, Field | dict[str, Field]] = {"relays": len(alive), "active": len(active)}
        return Finding("ok" if active else "down", None if active else "no relay is active", fields)

    async def flower(self) -> Finding:
        """Check that Flower's port takes connections; `unknown` where no FLOWER_URL is set. The URL is not told."""
        if self._settings.flower_url is None:
            return Finding("unknown", "FLOWER_URL is not set")
        address = urlsplit(self._settings.flower_url)
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                _, writer = await asyncio.open_connection(address.hostname, address.port or 80)
        except (OSError, TimeoutError, socket.gaierror) as error:
            return Finding("down", f"Flower does not answer: {type(error).__name__}")
        writer.close()
        return Finding("ok")

    async def providers(self) -> Finding:
        """Tell which providers are configured, and how each answered last. None of them is asked now."""
        names = (
            *self._settings.market.providers,
            *(heartbeats.NEWS_STATE_PREFIX + source for source in self._settings.news.sources),
        )
        told: dict[str, Field | dict[str, Field]] = dict.fromkeys(names, "not asked yet")
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                for state in await heartbeats.provider_states(self._redis):
                    if state.name in told:
                        told[state.name] = {"ok": state.is_ok, "code": state.code, "at": state.at}
        except (RedisError, OSError, TimeoutError):
            return Finding("unknown", "Redis does not answer, and workers note there how providers answer")
        return Finding("ok", fields=told)


def _ms_since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 2)
