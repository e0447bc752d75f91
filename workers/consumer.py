"""Celery's consumer, which tells Flower of a doorbell only after it handed the doorbell on.

Celery sends `task-received` in the same turn of its loop as the task goes to a child, ahead of it: a round trip to
Redis that every job waits for. Who watches can wait, jobs cannot.
"""

from typing import Any

from celery.worker.consumer import Consumer

TELL_AFTER_S = 0.1


class LateTellingConsumer(Consumer):
    hub: Any  # Any: celery has no types, here and below
    event_dispatcher: Any
    _flush_events: Any
    _is_telling = False

    def on_send_event_buffered(self) -> None:  # type: ignore[override]  # the stubs mistake what it returns
        """Send what is buffered for watchers a moment later; the buffer sends itself when it is full."""
        if self.hub and not self._is_telling:
            self._is_telling = True
            self.hub.call_later(TELL_AFTER_S, self._tell_watchers)

    def _tell_watchers(self) -> None:
        self._is_telling = False
        if self.event_dispatcher:
            self._flush_events()
