"""Signs of life in a real Redis."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from backend.core import heartbeats
from backend.core.heartbeats import ProviderState, RelayBeat, WorkerBeat
from backend.core.redis import async_redis
from tests.platform import Platform


@pytest.fixture(scope="module")
def redis_url(new_platform: Callable[..., Platform]) -> str:
    return new_platform().redis_url


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        client.flushdb()
        yield client


def worker(name: str, *queues: str, slots: int = 2) -> WorkerBeat:
    return WorkerBeat(name, "host", 1, queues, slots, 0)


def test_slots_add_up_by_queue(redis: Redis) -> None:
    heartbeats.beat(redis, worker("a", "probe", "backtest"))
    heartbeats.beat(redis, worker("b", "probe", slots=3))
    assert heartbeats.slots_by_queue(redis) == {"probe": 5, "backtest": 2}


def test_newer_sign_takes_the_place_of_the_older(redis: Redis) -> None:
    heartbeats.beat(redis, worker("a", "probe"))
    heartbeats.beat(redis, worker("a", "probe", slots=7))
    assert heartbeats.slots_by_queue(redis) == {"probe": 7}


def test_signs_expire_and_can_be_taken_back(redis: Redis) -> None:
    heartbeats.beat(redis, worker("a", "probe"))
    assert 0 < redis.ttl(heartbeats.WORKERS + "a") <= heartbeats.TTL_S
    heartbeats.stop_beating(redis, worker("a", "probe"))
    assert heartbeats.slots_by_queue(redis) == {}


def test_the_web_process_reads_what_workers_and_relays_wrote(redis: Redis, redis_url: str) -> None:
    relay = RelayBeat("r", "host", 2, is_active=True)
    state = ProviderState("sample", is_ok=False, code="provider_unavailable", at="2024-01-01T00:00:00Z")
    heartbeats.beat(redis, worker("a", "probe"))
    heartbeats.beat(redis, relay)
    heartbeats.note_provider(redis, state)

    async def read() -> tuple[object, object, object]:
        async with async_redis(redis_url) as client:
            return (
                await heartbeats.living_workers(client),
                await heartbeats.living_relays(client),
                await heartbeats.provider_states(client),
            )

    assert asyncio.run(read()) == ([worker("a", "probe")], [relay], [state])
