"""Relays events from Redis to whoever listens in this process; one per API replica.

One pub/sub connection hears exactly the topics that somebody here listens to. Sequence numbers tell when a message
was missed (a dropped connection, a restarted Redis): what the history still has is delivered in order; when it has
not, listeners are told to start over from a snapshot. So there is never a silent gap.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from backend.core.errors import Unavailable
from backend.core.event_log import position, redis_channel, since
from backend.core.events import Cursor, Message, Topic
from backend.core.logging import get_logger
from backend.core.tasks import end_task

ALIVE_CHANNEL = "aitrader:alive"
JOIN_TIMEOUT_S = 3.0
SILENCE_S = 5.0
"""After so long without a word Redis is asked for a sign of life; after as long again we connect anew."""
FIRST_RETRY_S = 0.1
LAST_RETRY_S = 5.0

log = get_logger(__name__)


class Ear(Protocol):
    """Something that listens to a topic. Both calls return at once and never raise."""

    def hear(self, message: Message) -> None: ...

    def start_over(self, at: Cursor) -> None:
        """Learn that messages before `at` were lost for good: a snapshot is needed."""


@dataclass(eq=False)
class _Audience:
    """Those who listen to one topic, and the last place that they all were told about."""

    topic: Topic
    at: Cursor | None = None
    ears: set[Ear] = field(default_factory=set)
    is_heard: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once Redis has confirmed the subscription and `at` is known."""

    def tell(self, message: Message) -> None:
        self.at = message.cursor
        for ear in tuple(self.ears):
            ear.hear(message)


class WsBroadcaster:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._audiences: dict[str, _Audience] = {}
        self._pubsub: PubSub | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="ws_broadcaster")

    async def stop(self) -> None:
        if self._task is not None:
            await end_task(self._task)

    async def join(self, topic: Topic, ear: Ear) -> Cursor:
        """Let `ear` hear the topic from now on; return a place from which it hears everything.

        Messages may reach the ear before this returns. Raises Unavailable when Redis does not answer: then nothing
        was joined.
        """
        channel = redis_channel(topic)
        is_new = channel not in self._audiences
        audience = self._audiences.setdefault(channel, _Audience(topic))
        audience.ears.add(ear)
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                if is_new and self._pubsub is not None:
                    await self._pubsub.subscribe(channel)
                await audience.is_heard.wait()
        except (RedisError, OSError, TimeoutError) as error:
            await self.leave(topic, ear)
            raise Unavailable("Redis, which carries the events, does not answer") from error
        except BaseException:
            await self.leave(topic, ear)
            raise
        assert audience.at is not None, "an audience that is heard has a place"
        return audience.at

    async def leave(self, topic: Topic, ear: Ear) -> None:
        channel = redis_channel(topic)
        audience = self._audiences.get(channel)
        if audience is None:
            return
        audience.ears.discard(ear)
        if not audience.ears:
            del self._audiences[channel]
            if self._pubsub is not None:
                with contextlib.suppress(RedisError, OSError):
                    await self._pubsub.unsubscribe(channel)

    @contextlib.asynccontextmanager
    async def listen(self, topic: Topic) -> AsyncIterator["Waiter"]:
        """Give a listener that can wait for one key to be mentioned."""
        waiter = Waiter()
        await self.join(topic, waiter)
        try:
            yield waiter
        finally:
            await self.leave(topic, waiter)

    async def _run(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await self._subscribe_all(pubsub)
                    await self._relay(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                is_first = self._pubsub is not None
                retry_s = FIRST_RETRY_S if is_first else min(retry_s * 2, LAST_RETRY_S)
                log.warning("redis_lost", error=str(error), retry_s=retry_s)
            finally:
                self._pubsub = None
            await asyncio.sleep(retry_s)

    async def _subscribe_all(self, pubsub: PubSub) -> None:
        asked = set(self._audiences)
        await pubsub.subscribe(ALIVE_CHANNEL, *asked)
        self._pubsub = pubsub
        # Who joined while that was on its way had no connection to subscribe on.
        late = self._audiences.keys() - asked
        if late:
            await pubsub.subscribe(*late)

    async def _relay(self, pubsub: PubSub) -> None:
        is_asked = False
        while True:
            raw = await pubsub.get_message(timeout=SILENCE_S)
            if raw is None and is_asked:
                raise TimeoutError("Redis gave no sign of life")
            if raw is None:
                await pubsub.ping()
            else:
                await self._take(raw["type"], raw["channel"], raw["data"])
            is_asked = raw is None

    async def _take(self, kind: str, channel: bytes | None, data: bytes) -> None:
        audience = self._audiences.get(channel.decode()) if channel else None
        if audience is None:
            return
        if kind == "subscribe":
            await self._catch_up(audience)
        elif kind == "message" and audience.at is not None:
            cursor, _, body = data.decode().partition("\n")
            await self._deliver(audience, audience.at, Message.from_wire(cursor, body))

    async def _deliver(self, audience: _Audience, at: Cursor, message: Message) -> None:
        if message.cursor == Cursor(at.epoch, at.sequence + 1):
            audience.tell(message)
        elif message.cursor.epoch != at.epoch or message.cursor.sequence > at.sequence:
            await self._catch_up(audience)

    async def _catch_up(self, audience: _Audience) -> None:
        """Deliver what was missed; when that is gone, send everybody to a snapshot."""
        if audience.at is None:
            audience.at = await position(self._redis, audience.topic)
            audience.is_heard.set()
            return
        missed = await since(self._redis, audience.topic, audience.at)
        if missed is None:
            audience.at = await position(self._redis, audience.topic)
            for ear in tuple(audience.ears):
                ear.start_over(audience.at)
            return
        for message in missed:
            audience.tell(message)


class Waiter:
    """Waits for the next word about one key; remembers what was said before the wait began."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._event = asyncio.Event()

    def hear(self, message: Message) -> None:
        self._said.add(message.key)
        self._event.set()

    def start_over(self, at: Cursor) -> None:
        del at  # whatever was lost, the waiter looks for itself
        self._said.add("*")
        self._event.set()

    async def changed(self, key: str, timeout_s: float) -> bool:
        """Wait until something was said about `key`; False when nothing was in that time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._said & {key, "*"}:
                    self._event.clear()
                    await self._event.wait()
        except TimeoutError:
            return False
        return True
