"""The events' way through Redis: one script numbers a message, keeps it for resuming, and publishes it.

The history is a cache; Postgres is the truth. What Redis loses is announced again by the relay, and a listener
whose cursor is no longer covered is told so and gets a snapshot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from backend.core.events import Channel, Cursor, Event, Message, Topic, to_wire
from backend.core.queue import doorbells

HISTORY_LENGTH: Mapping[Channel, int] = {"job_updates": 1_000, "trading_signals": 5_000}
"""How many messages a topic keeps for resuming: of signals, those of two of the largest jobs and some."""
HISTORY_TTL_S = 3_600

PUBLISH = """
local seen = {}
local at = 3
for i = 1, #KEYS, 2 do
  local key, history = KEYS[i], KEYS[i + 1]
  local topic = seen[key]
  if not topic then
    local known = redis.call('HMGET', key, 'epoch', 'seq')
    topic = {epoch = known[1], seq = tonumber(known[2])}
    if not topic.epoch then
      topic = {epoch = ARGV[1], seq = 0}
      redis.call('DEL', history)
    end
    seen[key] = topic
  end
  topic.seq = topic.seq + 1
  local id = string.format('%.0f', topic.seq)
  redis.call('XADD', history, 'MAXLEN', ARGV[at + 1], id .. '-0', 'body', ARGV[at + 2])
  redis.call('PUBLISH', ARGV[at], topic.epoch .. ':' .. id .. '\\n' .. ARGV[at + 2])
  topic.history = history
  at = at + 3
end
for key, topic in pairs(seen) do
  redis.call('HSET', key, 'epoch', topic.epoch, 'seq', string.format('%.0f', topic.seq))
  redis.call('EXPIRE', key, ARGV[2])
  redis.call('EXPIRE', topic.history, ARGV[2])
end
"""

RING = """
local room = tonumber(ARGV[1]) - redis.call('LLEN', KEYS[1])
for i = 2, math.min(#ARGV, room + 1) do
  redis.call('LPUSH', KEYS[1], ARGV[i])
end
"""
MAX_BELLS = 64
"""How many doorbells may wait in a queue whose slots are not known.

Whoever answers one works until the queue is empty, so more bells than slots say nothing new.
"""
EVENTS_AT_ONCE = 100

POSITION = """
if redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'seq', 0)
  redis.call('DEL', KEYS[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return redis.call('HMGET', KEYS[1], 'epoch', 'seq')
"""


def redis_channel(topic: Topic) -> str:
    return f"aitrader:{topic.name}"


@dataclass(frozen=True)
class Announcement:
    """What one commit has to tell: events, and doorbells as (queue, job id)."""

    events: Sequence[Event] = ()
    bells: Sequence[tuple[str, UUID | None]] = ()
    slots: Mapping[str, int] = field(default_factory=dict)
    """How many jobs each queue's workers run at once, where that is known: so many bells may wait, and no more."""


def publish(redis: Redis, announcement: Announcement) -> None:
    """Send events and doorbells in one round trip."""
    pipe = redis.pipeline(transaction=False)
    _fill(pipe, announcement)
    pipe.execute()


async def publish_async(redis: AsyncRedis, announcement: Announcement) -> None:
    """Send events and doorbells in one round trip."""
    pipe = redis.pipeline(transaction=False)
    _fill(pipe, announcement)
    await pipe.execute()


async def position(redis: AsyncRedis, topic: Topic) -> Cursor:
    """Return where the topic is now; a topic without history begins one."""
    answer = await redis.eval(POSITION, 2, *_keys(topic), uuid4().hex[:12], HISTORY_TTL_S)
    epoch, sequence = (part.decode() for part in answer)
    return Cursor(epoch, int(sequence))


async def since(redis: AsyncRedis, topic: Topic, cursor: Cursor, limit: int | None = None) -> Sequence[Message] | None:
    """Return the messages after the cursor, the first `limit` of them; None when the history does not have them."""
    now = await position(redis, topic)
    if now.epoch != cursor.epoch or cursor.sequence > now.sequence:
        return None
    wanted = now.sequence - cursor.sequence if limit is None else min(now.sequence - cursor.sequence, limit)
    first, last = f"({cursor.sequence}-0", f"{cursor.sequence + wanted}-0"
    entries: Any = await redis.xrange(_keys(topic)[1], first, last)  # Any: redis-py types every possible reply
    if len(entries) != wanted:
        return None
    return [
        Message.from_wire(f"{now.epoch}:{entry_id.decode().partition('-')[0]}", fields[b"body"].decode())
        for entry_id, fields in entries
    ]


def _keys(topic: Topic) -> tuple[str, str]:
    channel = redis_channel(topic)
    return f"{channel}:position", f"{channel}:history"


def _fill(pipe: Any, announcement: Announcement) -> None:  # Any: a sync or an async pipeline
    events = announcement.events
    for start in range(0, len(events), EVENTS_AT_ONCE):
        told = [(event, topic) for event in events[start : start + EVENTS_AT_ONCE] for topic in event.topics]
        keys = [key for _, topic in told for key in _keys(topic)]
        bodies = {id(event): to_wire(event) for event, _ in told}
        arguments = [
            part
            for event, topic in told
            for part in (redis_channel(topic), HISTORY_LENGTH[topic.channel], bodies[id(event)])
        ]
        pipe.eval(PUBLISH, len(keys), *keys, uuid4().hex[:12], HISTORY_TTL_S, *arguments)
    # Last, so that listeners hear of a job before the worker that takes it can say anything.
    slots = {queue: announcement.slots.get(queue, MAX_BELLS) for queue, _ in announcement.bells}
    for queue, messages in doorbells(announcement.bells, at_most=slots).items():
        pipe.eval(RING, 1, queue, slots[queue], *messages)
