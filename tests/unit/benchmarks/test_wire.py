import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.jobs.wire import Answer, HttpConnection, WsConnection, request

UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        return


def frame(text: bytes) -> bytes:
    length = bytes([len(text)]) if len(text) < 126 else bytes([126]) + len(text).to_bytes(2, "big")
    return b"\x81" + length + text


def parts(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    return [data[first:last] for first, last in pairwise(places) if first < last]


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(0, 10_000), max_size=12))
def test_texts_come_whole_however_the_bytes_are_cut(texts: list[bytes], cuts: list[int]) -> None:
    async def scene() -> list[bytes]:
        heard: list[bytes] = []
        socket = WsConnection(b"", heard.append)
        socket.connection_made(Wire())
        for part in parts(UPGRADED + b"".join(map(frame, texts)), cuts):
            socket.data_received(part)
        assert socket.opened.done()
        return heard

    assert asyncio.run(scene()) == texts


def test_ping_is_answered_with_its_own_words_masked() -> None:
    async def scene() -> bytes:
        wire = Wire()
        socket = WsConnection(b"", lambda _: None)
        socket.connection_made(wire)
        socket.data_received(UPGRADED + b"\x89\x04abcd")
        return wire.written

    sent = asyncio.run(scene())
    assert sent[:2] == b"\x8a\x84"
    assert bytes(byte ^ sent[2 + i % 4] for i, byte in enumerate(sent[6:])) == b"abcd"


def test_refused_upgrade_is_an_error() -> None:
    async def scene() -> BaseException | None:
        socket = WsConnection(b"", lambda _: None)
        socket.connection_made(Wire())
        socket.data_received(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        return socket.opened.exception()

    assert isinstance(asyncio.run(scene()), ConnectionRefusedError)


@given(st.integers(100, 599), st.binary(max_size=300), st.lists(st.integers(0, 10_000), max_size=6))
def test_answer_comes_whole_however_the_bytes_are_cut(status: int, body: bytes, cuts: list[int]) -> None:
    async def scene() -> Answer:
        connection = HttpConnection()
        connection.connection_made(Wire())
        answer = connection.ask(request("GET", "/", {}))
        head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\nx: y\r\n\r\n".encode()
        for part in parts(head + body, cuts):
            connection.data_received(part)
        return await answer

    assert asyncio.run(scene()) == Answer(status, body)
