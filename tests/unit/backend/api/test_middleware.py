import asyncio
from collections.abc import Sequence

import pytest
from starlette.types import Message, Receive, Scope, Send

from backend.api.middleware import IMPORT_PATH, AccessLog, BodyLimit
from backend.core.errors import TooLarge
from backend.core.request_ids import current_request_id


def sent(chunks: Sequence[bytes], *, path: str = "/jobs", declared: str | None = None) -> tuple[int, list[Message]]:
    """Return how many bytes the application read of a request, and what was answered in its stead."""
    read = 0
    answered: list[Message] = []
    waiting = [
        {"type": "http.request", "body": chunk, "more_body": i < len(chunks) - 1} for i, chunk in enumerate(chunks)
    ]

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        answered.append(message)

    async def application(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal read
        while True:
            message = await receive()
            read += len(message["body"])
            if not message["more_body"]:
                return

    headers = [] if declared is None else [(b"content-length", declared.encode())]
    limit = BodyLimit(application, max_bytes=10, larger={IMPORT_PATH: 20})
    asyncio.run(limit({"type": "http", "path": path, "headers": headers}, receive, send))
    return read, answered


def test_body_up_to_the_limit_passes() -> None:
    assert sent([b"x" * 4, b"x" * 6], declared="10") == (10, [])


def test_declared_length_over_the_limit_is_answered_at_once() -> None:
    read, answered = sent([b"x"], declared="11")
    assert read == 0
    assert answered[0]["status"] == 413
    assert (b"content-type", b"application/problem+json") in answered[0]["headers"]


def test_body_that_grows_over_the_limit_is_stopped() -> None:
    with pytest.raises(TooLarge, match="10 bytes at most"):
        sent([b"x" * 6, b"x" * 5])


@pytest.mark.parametrize("declared", ["-1", "abc", "", "0", "1"])
def test_wrong_declared_length_opens_nothing(declared: str) -> None:
    with pytest.raises(TooLarge):
        sent([b"x" * 11], declared=declared)


def test_imports_have_their_own_limit() -> None:
    assert sent([b"x" * 20], path=IMPORT_PATH) == (20, [])
    with pytest.raises(TooLarge):
        sent([b"x" * 21], path=IMPORT_PATH)


def served(headers: list[tuple[bytes, bytes]]) -> tuple[str | None, str]:
    """Return the request id that was bound while a request was served, and the one that was answered with."""
    bound: list[str | None] = []
    answered: list[Message] = []

    async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
        bound.append(current_request_id())
        await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        answered.append(message)

    asyncio.run(
        AccessLog(application)({"type": "http", "method": "GET", "path": "/", "headers": headers}, receive, send)
    )
    told = dict(answered[0]["headers"])
    assert told[b"a"] == b"b"
    return bound[0], told[b"x-request-id"].decode()


def test_request_id_of_the_caller_is_bound_and_answered() -> None:
    assert served([(b"x-request-id", b"abc-1")]) == ("abc-1", "abc-1")


def test_request_without_a_sound_id_gets_one() -> None:
    bound, told = served([(b"x-request-id", b"a b")])
    assert bound == told
    assert len(told) == 32
