"""HTTP for sources of news: bounded in time, size and redirects, and silent about addresses and keys."""

from __future__ import annotations

import ipaddress
import logging
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from market_data.errors import RETRY_AFTER_S, NewsRefused, ProviderTimedOut, ProviderUnavailable, RateLimited

USER_AGENT: Final = "AITrader news reader"
LONGEST_RETRY_AFTER_S: Final = 86_400.0
_SCHEMES: Final = ("http", "https")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

# Both would write whole addresses into the log, and some carry a key.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Answer:
    """What a server answered, headers by their lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NewsHttp:
    """One source's way to the network. `whose` is what errors call it."""

    def __init__(self, whose: str, *, max_bytes: int, max_redirects: int = 0) -> None:
        self._whose = whose
        self._max_bytes = max_bytes
        self._max_redirects = max_redirects
        self._client = httpx.Client(headers={"User-Agent": USER_AGENT}, follow_redirects=False)

    def get(self, url: str, *, timeout_s: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET, after redirects; raise ProviderUnavailable or NewsRefused."""
        ends_at_s = time.monotonic() + timeout_s
        for _ in range(self._max_redirects + 1):
            answer = self._get_once(url, headers or {}, ends_at_s, timeout_s)
            if answer.status not in _REDIRECTS:
                return answer
            url = self._redirected(url, answer.headers.get("location", ""))
        raise NewsRefused(f"{self._whose} may redirect {self._max_redirects} times at most, and redirected again")

    def check_served(self, answer: Answer) -> None:
        """Raise what a status means that is no answer, the same at every vendor."""
        if answer.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            wait_s = retry_after_s(answer.headers, datetime.now(UTC))
            if answer.status == HTTPStatus.TOO_MANY_REQUESTS or wait_s is not None:
                told = f"{self._whose} refuses us for asking too often (HTTP {answer.status})"
                raise RateLimited(told, retry_after_s=RETRY_AFTER_S if wait_s is None else wait_s)
        if answer.status != HTTPStatus.OK:
            raise ProviderUnavailable(f"{self._whose} was to answer with news, was HTTP {answer.status}")

    def _get_once(self, url: str, headers: Mapping[str, str], ends_at_s: float, timeout_s: float) -> Answer:
        left_s = ends_at_s - time.monotonic()
        if left_s <= 0.0:
            raise self._timed_out(timeout_s)
        try:
            with self._client.stream("GET", url, headers=dict(headers), timeout=left_s) as response:
                body = self._body(response, ends_at_s, timeout_s)
                return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)
        except httpx.TimeoutException as error:
            raise self._timed_out(timeout_s) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # the last: names that no resolver takes
            # Only the kind of error: its text may hold the address.
            raise ProviderUnavailable(f"{self._whose} could not be reached ({type(error).__name__})") from None

    def _body(self, response: httpx.Response, ends_at_s: float, timeout_s: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._max_bytes:
                raise NewsRefused(f"{self._whose} may answer with {self._max_bytes} bytes at most, and sent more")
            if time.monotonic() > ends_at_s:  # a server that drips keeps every single read within its time
                raise self._timed_out(timeout_s)
        return bytes(body)

    def _redirected(self, url: str, location: str) -> str:
        """Return where a redirect leads; a server outside must not send us to addresses inside."""
        try:
            target = urlsplit(urljoin(url, location))
            host = target.hostname or ""
            is_outside = host == urlsplit(url).hostname or not host or _is_public(host)
        except ValueError:  # half an IPv6 address, say, or a name that no resolver takes
            raise NewsRefused(f"{self._whose} redirects to what is no address") from None
        if target.scheme not in _SCHEMES or not host:
            raise NewsRefused(f"{self._whose} may redirect to http and https only, not to {target.scheme!r}")
        if not is_outside:
            raise NewsRefused(f"{self._whose} may not redirect to an address inside our own network")
        return target.geturl()

    def _timed_out(self, timeout_s: float) -> ProviderTimedOut:
        return ProviderTimedOut(f"{self._whose} gave no whole answer within {timeout_s:.3g} s")


def retry_after_s(headers: Mapping[str, str], now_utc: datetime) -> float | None:
    """Return what `Retry-After` says, as seconds or as a date, a day at most; None when it is not there."""
    told = headers.get("retry-after", "").strip()
    try:
        wait_s = float(told) if told.replace(".", "", 1).isdigit() else _seconds_until(told, now_utc)
    except (ValueError, TypeError):
        return None
    return min(max(wait_s, 0.0), LONGEST_RETRY_AFTER_S)


def _seconds_until(http_date: str, now_utc: datetime) -> float:
    moment = parsedate_to_datetime(http_date)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() - now_utc.timestamp()


def _is_public(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except OSError:
        return True  # it leads nowhere, and the request will say so
    return all(ipaddress.ip_address(str(address[0]).partition("%")[0]).is_global for *_, address in found)
