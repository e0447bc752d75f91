"""Which installation to talk to: the one that is named, else the local stack."""

import os
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from aitrader.client.local_stack import admin_token, data_dir, running_stack
from aitrader.errors import InvalidRequest, NoInstallation, Unauthenticated

URL, TOKEN = "AITRADER_URL", "AITRADER_TOKEN"


@dataclass(frozen=True)
class Installation:
    """A server's address and who speaks to it. The token never shows in the repr."""

    url: str
    token: str = field(repr=False)

    @property
    def websocket_url(self) -> str:
        """Return the address of the push socket."""
        return f"ws{self.url.removeprefix('http')}/ws"


def find_installation(url: str | None = None, token: str | None = None) -> Installation:
    """Return the installation by arguments, else AITRADER_URL and AITRADER_TOKEN, else the local stack."""
    found_url = find_url(url)
    return Installation(found_url, _sendable(token or os.environ.get(TOKEN) or _local_token(found_url)))


def find_url(url: str | None = None) -> str:
    """Return the server's address alone: the argument, else AITRADER_URL, else the local stack's."""
    named = url or os.environ.get(URL)
    return _local_url() if named is None or not named else _checked(named)


def is_loopback(url: str) -> bool:
    """Tell whether the address is on this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        raise InvalidRequest(f"expected a URL such as http://127.0.0.1:8000 ({URL}), it was {url!r}")
    return url.rstrip("/")


def _sendable(token: str) -> str:
    if not token.isascii() or not token.isprintable():
        raise Unauthenticated(f"expected a token of visible ASCII characters ({TOKEN}), it has others")
    return token


def _local_url() -> str:
    folder = data_dir()
    stack = running_stack(folder)
    if stack is None:
        raise NoInstallation(f"no stack runs on {folder}: start one with `aitrader up`, or set {URL} and {TOKEN}")
    if stack.url is None or not stack.is_ready:
        raise NoInstallation(f"the stack on {folder} (pid {stack.pid}) is still starting: try again when it is ready")
    return stack.url


def _local_token(url: str) -> str:
    """Return the local admin token, which no address but this machine's own is ever told."""
    if not is_loopback(url):
        raise Unauthenticated(f"expected a token for {url} in {TOKEN}, it is not set")
    folder = data_dir()
    try:
        return admin_token(folder)
    except OSError as error:
        expected = f"expected a token in {TOKEN}, or the admin token of a local stack on {folder}"
        raise Unauthenticated(f"{expected}; there is neither ({error.strerror})") from error
