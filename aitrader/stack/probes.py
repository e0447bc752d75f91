"""Ask the product's own services whether they are ready."""

import asyncio
import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from aitrader.stack.component import Readiness

TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def http_answers(url: str, *accepted: HTTPStatus) -> Readiness:
    """Return a readiness that holds when a GET answers with an accepted status."""

    def judge(answer: Answer) -> str | None:
        if answer.status in accepted:
            return None
        return f"expected GET {url} to answer {'/'.join(map(str, accepted))}, got {answer.status}"

    return _get(url, judge)


def service_is_ok(url: str, service: str) -> Readiness:
    """Return a readiness that holds when the health report at `url` calls that service ok."""

    def judge(answer: Answer) -> str | None:
        if answer.status != HTTPStatus.OK:
            return f"expected GET {url} to answer 200, got {answer.status}"
        status = _status_in(answer.body, service)
        return None if status == "ok" else f"expected {service} to be ok in {url}, it is {status}"

    return _get(url, judge)


def _get(url: str, judge: Callable[[Answer], str | None]) -> Readiness:
    async def readiness() -> str | None:
        try:
            return judge(await asyncio.to_thread(_fetch, url))
        except (OSError, http.client.HTTPException) as error:
            return f"GET {url}: {error or type(error).__name__}"

    return readiness


def _fetch(url: str) -> Answer:
    parts = urlsplit(url)
    # Plain http.client: a proxy in the user's environment has no business between programs of one machine.
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()


def _status_in(report: bytes, service: str) -> str:
    try:
        return str(json.loads(report)[service]["status"])
    except (ValueError, KeyError, TypeError):
        return "missing from the report"
