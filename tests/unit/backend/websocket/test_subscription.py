import asyncio
import json
from uuid import uuid4

from backend.core.events import Cursor, Kind, Message, Topic
from backend.websocket.outbox import Outbox
from backend.websocket.subscription import Subscription


def message(sequence: int, epoch: str = "e") -> Message:
    return Message(Cursor(epoch, sequence), "job", Kind.STATE, json.dumps({"n": sequence}))


class Scene:
    """A subscription, its outbox, and the gaps it told of."""

    def __init__(self) -> None:
        self.outbox = Outbox(max_pending=100, max_pending_bytes=100_000)
        self.gaps: list[Cursor] = []
        self.subscription = Subscription(
            Topic("job_updates", uuid4()), self.outbox, on_gap=lambda _, at: self.gaps.append(at)
        )

    def sent(self) -> list[str]:
        async def drain() -> list[str]:
            return [json.loads(await self.outbox.get())["cursor"] for _ in range(len(self.outbox))]

        return asyncio.run(drain())


def test_nothing_is_sent_before_the_beginning() -> None:
    scene = Scene()
    scene.subscription.hear(message(5))
    assert scene.sent() == []


def test_what_was_heard_before_the_snapshots_place_is_in_the_snapshot() -> None:
    scene = Scene()
    for sequence in (4, 5, 6):
        scene.subscription.hear(message(sequence))
    scene.subscription.begin(Cursor("e", 5))
    scene.subscription.hear(message(7))
    assert scene.sent() == ["e:6", "e:7"]


def test_missed_messages_come_first_and_nothing_twice() -> None:
    scene = Scene()
    for sequence in (3, 4):
        scene.subscription.hear(message(sequence))
    scene.subscription.begin(Cursor("e", 1), [message(2), message(3)])
    scene.subscription.hear(message(4))
    scene.subscription.hear(message(5))
    assert scene.sent() == ["e:2", "e:3", "e:4", "e:5"]


def test_starting_over_holds_back_until_the_snapshot() -> None:
    scene = Scene()
    scene.subscription.begin(Cursor("old", 9))
    scene.subscription.start_over(Cursor("new", 2))
    scene.subscription.hear(message(3, "new"))
    assert scene.gaps == [Cursor("new", 2)]
    assert scene.sent() == []
    scene.subscription.begin(Cursor("new", 2))
    assert scene.sent() == ["new:3"]


def test_what_comes_while_missed_messages_are_taken_is_sent_once_and_after_them() -> None:
    scene = Scene()
    subscription = scene.subscription
    subscription.resume(Cursor("e", 1))
    subscription.hear(message(4))
    subscription.hold_anew()
    subscription.hear(message(5))
    subscription.catch_up([message(2), message(3)])
    assert subscription.resumes_after == Cursor("e", 3)
    subscription.hear(message(6))
    subscription.hold_anew()
    subscription.hear(message(7))
    subscription.begin(Cursor("e", 3), [message(4), message(5), message(6), message(7)])
    subscription.hear(message(8))
    assert subscription.resumes_after is None
    assert scene.sent() == [f"e:{i}" for i in range(2, 9)]


def test_giving_up_asks_for_a_snapshot_and_keeps_what_came_since() -> None:
    scene = Scene()
    scene.subscription.resume(Cursor("e", 1))
    scene.subscription.hold_anew()
    scene.subscription.hear(message(9))
    scene.subscription.give_up(Cursor("e", 8))
    assert (scene.gaps, scene.subscription.resumes_after) == ([Cursor("e", 8)], None)
    scene.subscription.begin(Cursor("e", 8))
    assert scene.sent() == ["e:9"]
