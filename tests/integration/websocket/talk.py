"""A client of `/ws`, and what tests ask of it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import redis
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.platform import Platform

ANSWER_WITHIN_S = 15.0


class Talk:
    """One open conversation."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, **message: object) -> None:
        self.socket.send(json.dumps(message))

    def hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self.socket.recv(ANSWER_WITHIN_S))
        return heard

    def ask(self, **message: object) -> dict[str, Any]:
        self.say(**message)
        return self.hear()

    def subscribe(self, **more: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the answer and the snapshot."""
        return self.ask(id=1, op="subscribe", ch="job_updates", **more), self.hear()

    def is_open(self) -> bool:
        """Tell whether the server still answers."""
        try:
            self.say(op="ping")
            return bool(self.hear()["ok"])
        except ConnectionClosed:
            return False

    def hear_end(self) -> tuple[int | None, str]:
        """Read on until the server closes; return its code and the last message before."""
        last = ""
        try:
            while True:
                last = str(self.socket.recv(ANSWER_WITHIN_S))
        except ConnectionClosed as closed:
            return (closed.rcvd.code if closed.rcvd is not None else None), last


@contextmanager
def talk(client: httpx.Client, query: str = "", *, url: str | None = None, **options: Any) -> Iterator[Talk]:
    """Open a conversation as the user of an HTTP client."""
    headers = {"Authorization": client.headers["Authorization"]}
    with talk_to(url or str(client.base_url), query, additional_headers=headers, **options) as conversation:
        yield conversation


@contextmanager
def talk_to(url: str, query: str = "", **options: Any) -> Iterator[Talk]:
    """Open a conversation as nobody yet."""
    address = url.rstrip("/").replace("http", "ws", 1) + "/ws" + query
    with connect(address, close_timeout=2, **options) as socket:
        yield Talk(socket)


def narrow_socket(url: str) -> socket.socket:
    """Return a connection that takes little before it must be read."""
    address = urlsplit(url)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    narrow.connect((address.hostname, address.port))
    return narrow


def place(cursor: str) -> tuple[str, int]:
    """Return a cursor's epoch and number."""
    epoch, _, number = cursor.partition(":")
    return epoch, int(number)


def listeners(platform: Platform, user_id: str) -> int:
    """Return how many API processes listen to a user's jobs."""
    with redis.Redis.from_url(platform.redis_url) as client:
        return int(client.pubsub_numsub(f"aitrader:job_updates:{user_id}")[0][1])


def drop_event_connections(platform: Platform) -> int:
    """Cut the connections on which this installation hears events; return how many there were."""
    with redis.Redis.from_url(platform.redis_url) as client:
        mine = str(client.connection_pool.connection_kwargs["db"])
        found = [one["id"] for one in client.client_list(_type="pubsub") if one["db"] == mine]
        for client_id in found:
            client.client_kill_filter(_id=client_id)
    return len(found)
