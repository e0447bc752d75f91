"""The broadcaster against a real Redis: nobody who joins is forgotten, whenever they join."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from backend.core.event_log import Announcement, publish_async
from backend.core.events import Cursor, Event, Kind, Message, Topic
from backend.core.redis import async_redis
from backend.ws_broadcaster import WsBroadcaster
from tests.platform import Platform


class Ear:
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[Message] = asyncio.Queue()
        self.restarts: asyncio.Queue[Cursor] = asyncio.Queue()

    def hear(self, message: Message) -> None:
        self.heard.put_nowait(message)

    def start_over(self, at: Cursor) -> None:
        self.restarts.put_nowait(at)


@pytest.fixture(scope="module")
def redis_url(new_platform: Callable[..., Platform]) -> str:
    return new_platform().redis_url


@asynccontextmanager
async def broadcasting(redis_url: str) -> AsyncIterator[tuple[WsBroadcaster, Callable[[Topic, str], object]]]:
    redis = async_redis(redis_url)
    broadcaster = WsBroadcaster(redis)
    broadcaster.start()

    async def tell(topic: Topic, key: str) -> None:
        await publish_async(redis, Announcement([Event((topic,), key, Kind.STATE, "{}")]))

    try:
        yield broadcaster, tell
    finally:
        await broadcaster.stop()
        await redis.aclose()


def test_joining_while_the_connection_is_made_is_not_forgotten(redis_url: str) -> None:
    async def scene() -> None:
        async with broadcasting(redis_url) as (broadcaster, tell):
            for _ in range(20):  # the connection is under way somewhere in here
                topic, ear = Topic("job_updates", uuid4()), Ear()
                joining = asyncio.create_task(broadcaster.join(topic, ear))
                await asyncio.sleep(0)
                at = await joining
                await tell(topic, "a")
                message = await asyncio.wait_for(ear.heard.get(), 10)
                assert message.cursor == Cursor(at.epoch, at.sequence + 1)

    asyncio.run(scene())


def test_many_join_at_once_and_leave_in_between(redis_url: str) -> None:
    async def scene() -> None:
        async with broadcasting(redis_url) as (broadcaster, tell):
            topic = Topic("job_updates", uuid4())
            ears = [Ear() for _ in range(20)]

            async def stay(ear: Ear, *, comes_back: bool) -> None:
                await broadcaster.join(topic, ear)
                if comes_back:
                    await broadcaster.leave(topic, ear)
                    await broadcaster.join(topic, ear)

            await asyncio.gather(*(stay(ear, comes_back=i % 2 == 0) for i, ear in enumerate(ears)))
            await tell(topic, "a")
            await tell(topic, "b")
            for ear in ears:
                assert [(await asyncio.wait_for(ear.heard.get(), 10)).key for _ in "ab"] == ["a", "b"]

    asyncio.run(scene())


def test_one_who_leaves_and_comes_back_hears_again(redis_url: str) -> None:
    async def scene() -> None:
        async with broadcasting(redis_url) as (broadcaster, tell):
            topic, ear = Topic("job_updates", uuid4()), Ear()
            await broadcaster.join(topic, ear)
            await broadcaster.leave(topic, ear)
            await tell(topic, "unheard")
            at = await broadcaster.join(topic, ear)
            await tell(topic, "heard")
            message = await asyncio.wait_for(ear.heard.get(), 10)
            assert (message.key, message.cursor) == ("heard", Cursor(at.epoch, at.sequence + 1))

    asyncio.run(scene())


def test_history_that_is_gone_means_starting_over(redis_url: str) -> None:
    async def scene() -> None:
        async with broadcasting(redis_url) as (broadcaster, tell):
            topic, ear = Topic("job_updates", uuid4()), Ear()
            at = await broadcaster.join(topic, ear)
            redis = async_redis(redis_url)
            await redis.flushdb()
            await redis.aclose()
            await tell(topic, "first of a new count")
            place = await asyncio.wait_for(ear.restarts.get(), 10)
            assert (place.sequence, place.epoch == at.epoch) == (1, False)
            await tell(topic, "second")
            assert (await asyncio.wait_for(ear.heard.get(), 10)).key == "second"

    asyncio.run(scene())


def test_waiter_notices_what_was_said_before_it_waited(redis_url: str) -> None:
    async def scene() -> None:
        async with broadcasting(redis_url) as (broadcaster, tell):
            topic = Topic("job_updates", uuid4())
            async with broadcaster.listen(topic) as waiter:
                assert await waiter.changed("mine", 0.05) is False
                await tell(topic, "another")
                await tell(topic, "mine")
                assert await waiter.changed("mine", 5) is True
                assert await waiter.changed("nobody's", 0.05) is False

    asyncio.run(scene())
