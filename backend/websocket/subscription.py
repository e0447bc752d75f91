"""One client's subscription to one topic: a snapshot or the missed messages first, then every update, in order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.core.events import Channel, Cursor, Message, Topic
from backend.websocket.outbox import Outbox
from backend.websocket.protocol import update


@dataclass(eq=False)
class Subscription:
    """An ear that holds back what it hears until its beginning was sent, and sends nothing twice."""

    topic: Topic
    outbox: Outbox
    on_gap: Callable[["Subscription", Cursor], None]
    resumes_after: Cursor | None = None
    """While the missed messages are sent some at a time: the place up to which they are."""
    _sent: Cursor | None = None
    _held: list[Message] | None = None
    _is_deaf: bool = False
    """While a client takes what it missed: what comes meanwhile is read with the rest, and costs nothing here."""

    def __post_init__(self) -> None:
        self._held = []

    @property
    def channel(self) -> Channel:
        return self.topic.channel

    def hear(self, message: Message) -> None:
        if self._is_deaf:
            return
        if self._held is not None:
            self._held.append(message)
        elif self._is_new(message):
            self._send(message)

    def start_over(self, at: Cursor) -> None:
        """Hold back again until `begin`: what came before `at` is lost, and a snapshot is on its way."""
        self._held = []
        self.give_up(at)

    def resume(self, after: Cursor) -> None:
        """Wait for the missed messages: they come by `catch_up`, the last of them by `begin`."""
        self.resumes_after, self._is_deaf = after, True

    def hold_anew(self) -> None:
        """Hold back from here on: the next missed messages are about to be read, and what came before is among them."""
        self._held, self._is_deaf = [], False

    def catch_up(self, missed: Sequence[Message]) -> None:
        """Send some of what was missed; more is to come."""
        for message in missed:
            self._send(message)
            self.resumes_after = message.cursor
        self._is_deaf = True

    def give_up(self, at: Cursor) -> None:
        """Ask for a snapshot in place of what was missed; what is held back since `at` stays."""
        self.resumes_after, self._is_deaf = None, False
        self.on_gap(self, at)

    def begin(self, at: Cursor, missed: Sequence[Message] = ()) -> None:
        """Send what was missed up to now, then what was held back, then whatever comes."""
        held, self._held, self._sent, self.resumes_after = self._held or [], None, at, None
        for message in (*missed, *held):
            if self._is_new(message):
                self._send(message)

    def _is_new(self, message: Message) -> bool:
        sent = self._sent
        return sent is None or message.cursor.epoch != sent.epoch or message.cursor.sequence > sent.sequence

    def _send(self, message: Message) -> None:
        self._sent = message.cursor
        self.outbox.put(update(self.channel, message), kind=message.kind, key=message.key)
