"""Signs of life in Redis: who works on which queues, and whether a relay is at it.

They expire by themselves. Nothing about jobs depends on them: they feed health answers, and tell the relay how many
doorbells are worth ringing.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

TTL_S = 10
EVERY_S = 2.0
WORKERS = "aitrader:alive:worker:"
RELAYS = "aitrader:alive:relay:"
PROVIDERS = "aitrader:provider_states"
NEWS_STATE_PREFIX = "news:"
"""Before the names of sources of news: Yahoo gives prices, too, and may answer one and not the other."""


@dataclass(frozen=True)
class WorkerBeat:
    worker_id: str
    host: str
    pid: int
    queues: tuple[str, ...]
    slots: int
    busy: int


@dataclass(frozen=True)
class RelayBeat:
    relay_id: str
    host: str
    pid: int
    is_active: bool


@dataclass(frozen=True)
class ProviderState:
    """How a provider answered the last time a worker asked it; `code` is the error's, None when it answered.

    Anybody may read it, so it says nothing of what was asked.
    """

    name: str
    is_ok: bool
    code: str | None
    at: str


def beat(redis: Redis, sign: WorkerBeat | RelayBeat) -> None:
    key = WORKERS + sign.worker_id if isinstance(sign, WorkerBeat) else RELAYS + sign.relay_id
    redis.set(key, json.dumps(asdict(sign)), ex=TTL_S)


def stop_beating(redis: Redis, sign: WorkerBeat | RelayBeat) -> None:
    redis.delete(WORKERS + sign.worker_id if isinstance(sign, WorkerBeat) else RELAYS + sign.relay_id)


def note_provider(redis: Redis, state: ProviderState) -> None:
    redis.hset(PROVIDERS, state.name, json.dumps(asdict(state)))


def slots_by_queue(redis: Redis) -> dict[str, int]:
    """Return how many jobs the living workers can run at once, by queue."""
    keys = list(redis.scan_iter(WORKERS + "*", count=1000))
    return _slots([_worker(text) for text in (redis.mget(keys) if keys else []) if text is not None])


async def slots_by_queue_async(redis: AsyncRedis) -> dict[str, int]:
    """Return the same."""
    return _slots(await living_workers(redis))


async def living_workers(redis: AsyncRedis) -> Sequence[WorkerBeat]:
    return [_worker(text) for text in await _living(redis, WORKERS)]


async def living_relays(redis: AsyncRedis) -> Sequence[RelayBeat]:
    return [RelayBeat(**json.loads(text)) for text in await _living(redis, RELAYS)]


async def provider_states(redis: AsyncRedis) -> Sequence[ProviderState]:
    return [ProviderState(**json.loads(text)) for text in (await redis.hgetall(PROVIDERS)).values()]


async def _living(redis: AsyncRedis, prefix: str) -> list[bytes]:
    keys = [key async for key in redis.scan_iter(prefix + "*", count=1000)]
    texts: list[Any] = await redis.mget(keys) if keys else []  # Any: bytes, or None for one that just expired
    return [text for text in texts if text is not None]


def _slots(workers: Sequence[WorkerBeat]) -> dict[str, int]:
    slots: dict[str, int] = {}
    for worker in workers:
        for queue in worker.queues:
            slots[queue] = slots.get(queue, 0) + worker.slots
    return slots


def _worker(text: bytes | str) -> WorkerBeat:
    told = json.loads(text)
    return WorkerBeat(**(told | {"queues": tuple(told["queues"])}))
