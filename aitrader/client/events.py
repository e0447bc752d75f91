"""What changes, as it changes: server-sent events that go on where they left off."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aitrader.client.transport import Transport
from aitrader.errors import AitraderError, ConnectionFailed, ServerError, Unauthenticated

SILENCE_S = 45.0
"""After so long without a word, not even a comment, the connection is taken for dead."""
PATIENCE_S = 60.0
DEFAULT_CHANNELS = ("job_updates",)
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
COME_BACK_FROM = 4500
"""Ends with such a code or a higher one are no reason to stay away."""


@dataclass(frozen=True)
class ServerEvent:
    """One event. `type`: `snapshot` (how things are) or `update` (one of them changed). `id`: a place to go on from."""

    channel: str
    type: str
    id: str
    data: dict[str, Any]  # Any: a JSON value


class EventReader:
    """Yields events for ever; connections that end are made anew, after the last event that was yielded."""

    def __init__(
        self,
        transport: Transport,
        channels: Sequence[str],
        *,
        all_users: bool,
        after: str | None,
        patience_s: float,
    ) -> None:
        self._transport = transport
        self._asked = {"channels": ",".join(channels or DEFAULT_CHANNELS), **({"all": "true"} if all_users else {})}
        self._last_id = after
        self._patience_s = patience_s

    def events(self) -> Iterator[ServerEvent]:
        """Yield events; an error is raised when the server refuses, or cannot be reached for too long."""
        give_up_at = time.monotonic() + self._patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                for event in self._connection():
                    self._last_id = event.id
                    yield event
                    give_up_at, pause_s = time.monotonic() + self._patience_s, FIRST_PAUSE_S
            except ConnectionFailed:
                if time.monotonic() + pause_s > give_up_at:
                    raise
            time.sleep(pause_s * random.SystemRandom().uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _connection(self) -> Iterator[ServerEvent]:
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        with self._transport.stream("/events", self._asked, headers, silence_s=SILENCE_S) as lines:
            for name, event_id, data in _events_of(lines):
                told = _json(data)
                if name == "end":
                    _require_reason_to_return(told)
                    return
                yield ServerEvent(str(told.get("ch")), name, event_id, told.get("data") or {})


def _events_of(lines: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Yield name, id and data of each event in a stream (the part of the standard that our server uses)."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in fields:
                yield fields.get("event", "message"), fields.get("id", ""), fields["data"]
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")


def _json(data: str) -> dict[str, Any]:  # Any: a JSON value
    try:
        told: Any = json.loads(data)  # Any: a JSON value
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise ServerError("expected a JSON object in an event, it was none")
    return told


def _require_reason_to_return(told: dict[str, Any]) -> None:  # Any: a JSON value
    code, reason = int(told.get("code", 0)), str(told.get("reason", "the server ended the stream"))
    if code >= COME_BACK_FROM:
        return
    error: type[AitraderError] = Unauthenticated if told.get("name") == "UNAUTHENTICATED" else ServerError
    raise error(reason)
