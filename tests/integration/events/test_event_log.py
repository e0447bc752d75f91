"""The event log in a real Redis: numbers without gaps, and honest answers about what is gone."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from backend.core.event_log import HISTORY_LENGTH, MAX_BELLS, Announcement, position, publish, redis_channel, since
from backend.core.events import Cursor, Event, Kind, Topic
from backend.core.jobs.suggestion import MAX_SYMBOLS
from backend.core.redis import async_redis, sync_redis
from tests.platform import Platform


@pytest.fixture(scope="module")
def redis_url(new_platform: Callable[..., Platform]) -> str:
    return new_platform().redis_url


@pytest.fixture
def topic() -> Topic:
    return Topic("job_updates", uuid4())


def tell(redis_url: str, topic: Topic, *keys: str) -> None:
    redis = sync_redis(redis_url)
    publish(redis, Announcement([Event((topic,), key, Kind.STATE, f'{{"key": "{key}"}}') for key in keys]))
    redis.close()


def ask(redis_url: str, question: Callable[[AsyncRedis], Coroutine[Any, Any, Any]]) -> Any:
    async def asked() -> Any:
        async with async_redis(redis_url) as redis:
            return await question(redis)

    return asyncio.run(asked())


def test_messages_are_numbered_from_one_without_gaps(redis_url: str, topic: Topic) -> None:
    start = ask(redis_url, lambda redis: position(redis, topic))
    tell(redis_url, topic, "a", "b")
    tell(redis_url, topic, "c")
    missed = ask(redis_url, lambda redis: since(redis, topic, start))
    assert start.sequence == 0
    assert [(m.cursor, m.key, m.data) for m in missed] == [
        (Cursor(start.epoch, i), key, f'{{"key": "{key}"}}') for i, key in enumerate("abc", start=1)
    ]
    assert ask(redis_url, lambda redis: position(redis, topic)) == Cursor(start.epoch, 3)
    assert ask(redis_url, lambda redis: since(redis, topic, Cursor(start.epoch, 3))) == []


def test_every_topic_of_an_event_counts_for_itself(redis_url: str, topic: Topic) -> None:
    other = Topic("job_updates", uuid4())
    tell(redis_url, other, "before")
    redis = sync_redis(redis_url)
    publish(redis, Announcement([Event((topic, other), "both", Kind.FINAL, "{}")]))
    redis.close()
    places = [ask(redis_url, lambda redis, t=one: position(redis, t)).sequence for one in (topic, other)]
    assert places == [1, 2]


@pytest.mark.parametrize("wrong", [("0123456789ab", 0), (None, 2), (None, 10**17)])
def test_place_that_never_was_is_not_covered(redis_url: str, topic: Topic, wrong: tuple[str | None, int]) -> None:
    tell(redis_url, topic, "a")
    now = ask(redis_url, lambda redis: position(redis, topic))
    cursor = Cursor(wrong[0] or now.epoch, wrong[1])
    assert ask(redis_url, lambda redis: since(redis, topic, cursor)) is None


def test_history_keeps_its_length_and_says_when_it_is_too_short(redis_url: str, topic: Topic) -> None:
    start = ask(redis_url, lambda redis: position(redis, topic))
    length = HISTORY_LENGTH[topic.channel]
    tell(redis_url, topic, *(str(i) for i in range(length + 1)))
    assert ask(redis_url, lambda redis: since(redis, topic, start)) is None
    all_kept = ask(redis_url, lambda redis: since(redis, topic, Cursor(start.epoch, 1)))
    assert [message.key for message in all_kept] == [str(i) for i in range(1, length + 1)]
    some = ask(redis_url, lambda redis: since(redis, topic, Cursor(start.epoch, 1), limit=2))
    assert [message.key for message in some] == ["1", "2"]
    assert ask(redis_url, lambda redis: since(redis, topic, start, limit=2)) is None


def test_history_of_signals_outlasts_two_of_the_largest_jobs(redis_url: str) -> None:
    signals = Topic("trading_signals", uuid4())
    start = ask(redis_url, lambda redis: position(redis, signals))
    tell(redis_url, signals, *(str(i) for i in range(2 * MAX_SYMBOLS)))
    missed = ask(redis_url, lambda redis: since(redis, signals, start))
    assert [message.key for message in missed] == [str(i) for i in range(2 * MAX_SYMBOLS)]


@pytest.mark.parametrize("lost", ["position", "history"])
def test_half_lost_history_is_never_taken_for_a_whole_one(redis_url: str, topic: Topic, lost: str) -> None:
    tell(redis_url, topic, "a", "b")
    start = Cursor(ask(redis_url, lambda redis: position(redis, topic)).epoch, 0)
    with Redis.from_url(redis_url) as redis:
        redis.delete(f"{redis_channel(topic)}:{lost}")
    assert ask(redis_url, lambda redis: since(redis, topic, start)) is None
    tell(redis_url, topic, "c")
    assert ask(redis_url, lambda redis: since(redis, topic, start)) is None


def test_history_and_position_expire_by_themselves(redis_url: str, topic: Topic) -> None:
    tell(redis_url, topic, "a")
    with Redis.from_url(redis_url) as redis:
        assert all(redis.ttl(f"{redis_channel(topic)}:{part}") > 0 for part in ("position", "history"))


def test_no_more_bells_wait_than_there_are_slots(redis_url: str) -> None:
    redis = sync_redis(redis_url)
    for _ in range(3):
        publish(redis, Announcement(bells=[("narrow", None)] * 2, slots={"narrow": 3}))
    publish(redis, Announcement(bells=[("unknown", None)] * (MAX_BELLS + 1)))
    counts = redis.llen("narrow"), redis.llen("unknown")
    redis.close()
    assert counts == (3, MAX_BELLS)
