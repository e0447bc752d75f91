"""A client of `/ws` that comes back after every loss, and checks all that it is told (I9)."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

AGAIN_AFTER_S = 0.2
ANSWER_WITHIN_S = 15.0
FINAL = frozenset({"succeeded", "failed", "cancelled"})


@dataclass
class Heard:
    """What one watcher was told, and what was wrong with it."""

    updates: int = 0
    recovered: int = 0
    started_over: int = 0
    skipped: int = 0
    states: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    """By job and version."""
    latest: dict[str, int] = field(default_factory=dict)
    snapshots_at: list[float] = field(default_factory=list)
    """When snapshots stood in for messages that were lost, as seconds since 1970."""
    problems: list[str] = field(default_factory=list)


class Watcher(threading.Thread):
    """`is_strict`: no event of this user may replace another, so that not one number may be missing."""

    def __init__(
        self,
        name: str,
        urls: Sequence[str],
        token: str,
        random: Random,
        *,
        is_strict: bool = False,
        every: bool = False,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.heard = Heard()
        self.has_begun = threading.Event()
        self._urls = urls
        self._token = token
        self._random = random
        self._is_strict = is_strict
        self._every = every
        self._cursor: str | None = None
        self._over = threading.Event()
        self._socket: ClientConnection | None = None

    def drop(self) -> None:
        """Lose the connection."""
        if self._socket is not None:
            with suppress(OSError, WebSocketException):
                self._socket.close_socket()

    def end(self) -> None:
        self._over.set()
        self.drop()
        self.join()

    def run(self) -> None:
        while not self._over.is_set():
            with suppress(OSError, WebSocketException, TimeoutError):
                self._watch()
            self._over.wait(AGAIN_AFTER_S)

    def missing(self, ended: Mapping[str, tuple[int, float]]) -> list[str]:
        """Return the jobs whose end was neither told nor may be seen in a later snapshot.

        ended: by job, the version it ended with and when (seconds since 1970).
        """
        last_snapshot = max(self.heard.snapshots_at, default=0.0)
        return [
            job_id
            for job_id, (version, at) in ended.items()
            if not self.heard.states.get((job_id, version), set()) & FINAL and at > last_snapshot
        ]

    def _watch(self) -> None:
        url = self._random.choice(self._urls).replace("http", "ws", 1) + "/ws"
        headers = {"Authorization": f"Bearer {self._token}"}
        with connect(url, additional_headers=headers, open_timeout=5, close_timeout=1) as socket:
            self._socket = socket
            asked = {"id": 1, "op": "subscribe", "ch": "job_updates"} | ({"all": True} if self._every else {})
            came_with = self._cursor
            socket.send(json.dumps(asked | ({} if came_with is None else {"cursor": came_with})))
            answer = json.loads(socket.recv(ANSWER_WITHIN_S))
            if not answer["ok"]:
                return  # Redis or Postgres is away: come back
            self._take_answer(answer, came_with)
            for text in socket:
                self._take(json.loads(text))

    def _take_answer(self, answer: dict[str, Any], came_with: str | None) -> None:
        if came_with is None:
            return
        if answer["recovered"]:
            self.heard.recovered += 1
        else:
            self.heard.started_over += 1
            self._cursor = None  # a snapshot comes, and with it a new place

    def _take(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "snapshot":
                self._take_snapshot(message)
            case "update":
                self._take_update(message["cursor"], message["data"])
            case _:
                self.heard.problems.append(f"an unknown message: {str(message)[:200]}")

    def _take_snapshot(self, message: dict[str, Any]) -> None:
        if self.has_begun.is_set():
            self.heard.snapshots_at.append(time.time())
        self._cursor = message["cursor"]
        for job in message["data"]["jobs"]:
            self._note(job)
        self.has_begun.set()

    def _take_update(self, cursor: str, job: dict[str, Any]) -> None:
        self.heard.updates += 1
        if self._cursor is None:
            self.heard.problems.append(f"an update at {cursor} came before the snapshot that was announced")
        else:
            self._compare(self._cursor, cursor)
        self._cursor = cursor
        self._note(job)

    def _compare(self, before: str, now: str) -> None:
        (epoch, number), (new_epoch, new_number) = _place(before), _place(now)
        if epoch != new_epoch:
            self.heard.problems.append(f"from {before} to {now} without a word")
        elif new_number <= number:
            self.heard.problems.append(f"back from {before} to {now}")
        elif new_number > number + 1:
            self.heard.skipped += new_number - number - 1
            if self._is_strict:
                self.heard.problems.append(f"a gap from {before} to {now}")

    def _note(self, job: dict[str, Any]) -> None:
        version = int(job["version"])
        self.heard.states.setdefault((job["id"], version), set()).add(job["state"])
        self.heard.latest[job["id"]] = max(self.heard.latest.get(job["id"], 0), version)


def _place(cursor: str) -> tuple[str, int]:
    epoch, _, number = cursor.partition(":")
    return epoch, int(number)
