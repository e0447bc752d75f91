"""HTTP with patience: what may be sent twice is, for a while; what a server refuses becomes a typed error."""

import json
import random
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from aitrader import __version__
from aitrader.client.installation import Installation, is_loopback
from aitrader.client.record import Json
from aitrader.errors import (
    AitraderError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidRequest,
    LimitReached,
    NotFound,
    Problem,
    ServerError,
    TooLarge,
    Unauthenticated,
)

PATIENCE_S = 4.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
NOT_MODIFIED = httpx.codes.NOT_MODIFIED
PASSING = frozenset({httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT})
ERRORS: Mapping[int, type[AitraderError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    429: LimitReached,
}
SERVER_ERRORS = 500

Parameters = Mapping[str, str | int | float | list[str]]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `is_repeatable`: sending it twice does the same as sending it once."""

    method: str
    path: str
    parameters: Parameters = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: str | Iterable[bytes] | None = None
    is_repeatable: bool
    patience_s: float = PATIENCE_S
    answer_within_s: float | None = None  # None: the client's own timeout


class Transport:
    """Sends calls to one installation."""

    def __init__(self, installation: Installation, *, timeout_s: float) -> None:
        self.installation = installation
        self.timeout_s = timeout_s
        self._http = httpx.Client(
            base_url=installation.url,
            headers={"Authorization": f"Bearer {installation.token}", "User-Agent": f"aitrader/{__version__}"},
            timeout=timeout_s,
            # A proxy in the user's environment has no business between programs of one machine.
            trust_env=not is_loopback(installation.url),
        )

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, call: Call) -> httpx.Response:
        """Return the answer to a call: 2xx or 304. Others are raised, passing troubles after some patience."""
        give_up_at = time.monotonic() + call.patience_s
        pause_s = FIRST_PAUSE_S
        while True:
            outcome = self._try(call)
            if isinstance(outcome, httpx.Response) and outcome.status_code not in PASSING:
                return _accepted(outcome)
            wait_s = _jittered(max(pause_s, _asked_pause_s(outcome)))
            if not call.is_repeatable or time.monotonic() + wait_s > give_up_at:
                return _accepted(outcome)
            time.sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def get(self, path: str, parameters: Parameters | None = None) -> Json:
        """Return the JSON object that a GET answers with."""
        return json_of(self.send(Call(method="GET", path=path, parameters=parameters or {}, is_repeatable=True)))

    @contextmanager
    def stream(
        self, path: str, parameters: Parameters, headers: Mapping[str, str], *, silence_s: float
    ) -> Iterator[Iterator[str]]:
        """Give the lines of an answer as they come. ConnectionFailed: it ended, or nothing came for too long."""
        timeout = httpx.Timeout(self.timeout_s, read=silence_s)
        request = self._http.build_request("GET", path, params=dict(parameters), headers=dict(headers), timeout=timeout)
        try:
            response = self._http.send(request, stream=True)
            try:
                if response.status_code != httpx.codes.OK:
                    response.read()
                    if response.status_code in PASSING:
                        raise ConnectionFailed(f"{self.installation.url} answered {response.status_code}")
                    raise _error_of(response)
                yield response.iter_lines()
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise ConnectionFailed(f"the stream of {self.installation.url} broke off: {_named(error)}") from error

    def _try(self, call: Call) -> httpx.Response | ConnectionFailed:
        """Return the answer, or a passing trouble; raise what asking again will not mend."""
        try:
            return self._http.request(
                call.method,
                call.path,
                params=dict(call.parameters),
                headers=dict(call.headers),
                content=call.content,
                timeout=httpx.Timeout(self.timeout_s, read=call.answer_within_s or self.timeout_s),
            )
        except httpx.TimeoutException as error:
            raise ConnectionFailed(f"{self.installation.url} did not answer in time ({_named(error)})") from error
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            failed = ConnectionFailed(f"cannot reach {self.installation.url}: {_named(error)}")
            failed.__cause__ = error
            return failed
        except httpx.HTTPError as error:
            raise ConnectionFailed(f"cannot speak to {self.installation.url}: {_named(error)}") from error


def idempotency_key_of(given: str | None) -> str:
    """Return the key to send: the one that was given, or a new one."""
    if given is None:
        return uuid.uuid4().hex
    if not given or not given.isascii() or not given.isprintable() or " " in given:
        raise InvalidRequest(f"an idempotency key is made of visible ASCII characters, it was {given[:80]!r}")
    return given


def json_of(response: httpx.Response) -> Json:
    """Return the answer's JSON object."""
    try:
        told: Any = response.json()  # Any: a JSON value
    except ValueError:
        told = None
    if not isinstance(told, dict):
        kind = response.headers.get("content-type", "nothing")
        raise ServerError(f"expected a JSON object from {response.url}, it was {kind}: is this an AITrader server?")
    return told


def json_body(body: Mapping[str, Any]) -> str:  # Any: a JSON value, it is hoped
    """Return the body of a request."""
    try:
        return json.dumps(body, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the payload must be JSON: {error}") from error


def _accepted(outcome: httpx.Response | ConnectionFailed) -> httpx.Response:
    if isinstance(outcome, ConnectionFailed):
        raise outcome
    if outcome.is_success or outcome.status_code == NOT_MODIFIED:
        return outcome
    raise _error_of(outcome)


def _error_of(response: httpx.Response) -> AitraderError:
    try:
        told: Any = response.json()  # Any: a JSON value
    except ValueError:
        told = None
    status = response.status_code
    if not isinstance(told, dict) or not {"code", "detail"} <= told.keys():
        where = f"{response.request.method} {response.url.copy_with(query=None)}"
        told = {"code": f"http_{status}", "detail": f"{where} answered {status} {response.reason_phrase}"}
    text, code = str(told["detail"]), str(told["code"])
    if status in ERRORS:
        return ERRORS[status](text, code=code)
    if httpx.codes.BAD_REQUEST <= status < SERVER_ERRORS:
        return InvalidRequest(text, code=code, problems=_problems(told.get("errors")))
    return ServerError(text, code=code)


def _problems(told: Any) -> list[Problem]:  # Any: a JSON value
    places = told if isinstance(told, list) else []
    return [Problem(str(at.get("path", "")), str(at.get("message", ""))) for at in places if isinstance(at, dict)]


def _asked_pause_s(outcome: httpx.Response | ConnectionFailed) -> float:
    asked = "" if isinstance(outcome, ConnectionFailed) else outcome.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_PAUSE_S) if asked.isdecimal() else 0.0


def _jittered(pause_s: float) -> float:
    """Return a pause of which half is left to chance, so that many clients do not come back at once."""
    return pause_s * random.SystemRandom().uniform(0.5, 1.0)


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__
