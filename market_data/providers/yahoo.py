"""The library `yfinance`, tamed: one session of our own, one lock, and nothing kept on disk.

The library keeps its session, cookies and settings once for the whole process, and says little about why it
failed. So everything passes through a session of our own, which bounds the time, can be pointed at another server,
and turns Yahoo's answers into our errors before the library sees them.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import yfinance
from curl_cffi.requests import Response, Session
from curl_cffi.requests.exceptions import Timeout
from yfinance.exceptions import YFException

TIMEOUT_S: Final = 5.0

# Cookie, consent page and what is wanted share the time of a fetch: one that hangs leaves some to the next.
_SHARE_OF_A_REQUEST: Final = 0.6

# What a malformed answer makes the library raise, from deep inside: none of it is documented.
LIBRARY_ERRORS: Final = (
    YFException,
    OSError,
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    ArithmeticError,
)

# The library's settings hold for the process, and so does the lock around its one session.
LIBRARY_LOCK: Final = threading.Lock()
yfinance.config.debug.hide_exceptions = False
# A folder that cannot exist: the library then keeps no cache at all, least of all in the user's home.
yfinance.set_tz_cache_location(f"{os.devnull}/yfinance")
# Every failure is raised; what it logs besides would be printed twice.
logging.getLogger("yfinance").setLevel(logging.CRITICAL + 1)


class YahooSession(Session[Response]):
    """The session that the library is given. `check` sees each answer with the path that was asked for."""

    def __init__(self, *, base_url: str | None, timeout_s: float, check: Callable[[str, Response], None]) -> None:
        # The library's own choice: Yahoo turns clients away that do not shake hands like a browser.
        super().__init__(impersonate="chrome")
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._bound_s = timeout_s
        self._deadline_s = 0.0
        self._check = check

    def start(self, timeout_s: float | None = None) -> None:
        """Begin the time that one fetch may take: the session's own, unless another is given."""
        self._bound_s = self._timeout_s if timeout_s is None else timeout_s
        self._deadline_s = time.monotonic() + self._bound_s

    def request(  # type: ignore[override]  # some forty options, all passed on as they come
        self,
        method: Any,
        url: str,
        **options: Any,
    ) -> Response:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0.0:
            raise Timeout(f"no answer within {self._bound_s:g} s")
        # The library asks for 30 s in places that no argument reaches.
        options["timeout"] = min(_SHARE_OF_A_REQUEST * self._bound_s, left_s)
        answer = super().request(method, self._steered(url), **options)
        self._check(urlsplit(url).path, answer)
        return answer

    def _steered(self, url: str) -> str:
        if self._base_url is None:
            return url
        host, asked = urlsplit(self._base_url), urlsplit(url)
        return urlunsplit((host.scheme, host.netloc, asked.path, asked.query, asked.fragment))
