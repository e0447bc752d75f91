"""HTTP/1.1 and WebSocket clients small enough not to be what is measured: a request is bytes, an answer its body."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

TEXT, CLOSE, PING = 0x1, 0x8, 0x9
FINAL = 0x80
MASKED = 0x80
OPENED_WITHIN_S = 30


@dataclass(frozen=True)
class Address:
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Address:
        host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
        return cls(host, int(port))


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return a whole request, ready to be sent as often as one likes."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class HttpConnection(asyncio.Protocol):
    """A connection that is kept alive, with one request on its way at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: asyncio.Future[Answer] | None = None

    @classmethod
    async def open(cls, address: Address) -> HttpConnection:
        _, connection = await asyncio.get_running_loop().create_connection(cls, address.host, address.port)
        return connection

    def ask(self, sent: bytes) -> asyncio.Future[Answer]:
        assert self._transport is not None, "the connection is open"
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(sent)
        return self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end_of_head = self._buffer.find(b"\r\n\r\n")
        if end_of_head < 0:
            return
        head = self._buffer[:end_of_head].lower()
        at = head.find(b"content-length:")
        length = 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(self._buffer) < end_of_head + 4 + length:
            return
        body = self._buffer[end_of_head + 4 : end_of_head + 4 + length]
        self._buffer = b""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError("the server closed the connection"))


class WsConnection(asyncio.Protocol):
    """A WebSocket that hands each text to `on_text`; it answers pings, and sends nothing else."""

    def __init__(self, upgrade: bytes, on_text: Callable[[bytes], None]) -> None:
        self._upgrade = upgrade
        self._on_text = on_text
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.close_code: int | None = None
        self._is_open = False

    @classmethod
    async def open(
        cls, address: Address, path: str, headers: Mapping[str, str], on_text: Callable[[bytes], None]
    ) -> WsConnection:
        upgrade = upgrade_request(path, headers)
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: cls(upgrade, on_text), address.host, address.port
        )
        await asyncio.wait_for(connection.opened, OPENED_WITHIN_S)
        return connection

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # the same
        self._transport.write(self._upgrade)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        at = 0 if self._is_open else self._open(data)
        size = len(data)
        while self._is_open and size - at >= 2:
            length, start = data[at + 1], at + 2
            if length == 126:
                length, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, start = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if start > size or start + length > size:
                break
            if data[at] == FINAL | TEXT:
                self._on_text(data[start : start + length])
            else:
                self._control(data[at] & 0x0F, data[start : start + length])
            at = start + length
        self._buffer = data[at:]

    def _open(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            self.opened.set_exception(ConnectionRefusedError(data[:end].decode(errors="replace")))
            return len(data)
        self._is_open = True
        self.opened.set_result(None)
        return end + 4

    def _control(self, kind: int, payload: bytes) -> None:
        assert self._transport is not None, "data came from somewhere"
        if kind == PING:
            mask = os.urandom(4)
            masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
            self._transport.write(bytes([FINAL | 0xA, MASKED | len(payload)]) + mask + masked)
        elif kind == CLOSE:
            self.close_code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionResetError("the server closed the connection"))


def upgrade_request(path: str, headers: Mapping[str, str]) -> bytes:
    """Return the request that turns a connection into a WebSocket."""
    key = base64.b64encode(os.urandom(16)).decode()
    asked = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": key}
    return request("GET", path, asked | dict(headers))
