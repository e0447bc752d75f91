"""Where a delivery goes: an address that was checked after resolution, and no other.

A name is resolved once. All its addresses must be allowed, and the connection is made to one of those, by number: a
name that leads elsewhere a moment later changes nothing. The name still goes into the Host header and into TLS.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import httpx

from backend.core.public_addresses import refusal

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to addresses; OSError when there are none."""
DEFAULT_PORTS = {"http": 80, "https": 443}


class TargetRefused(Exception):
    """The target is one that nobody may be sent to. The text says why, and no address."""


@dataclass(frozen=True)
class Target:
    """One address to connect to, and the name that it is asked by."""

    url: httpx.URL
    host_header: str
    server_name: str


async def system_addresses(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


async def targets_of(text: str, resolve: Resolve, *, allow_private: bool) -> list[Target]:
    """Return the addresses behind a URL; TargetRefused when any of them may not be reached."""
    url = httpx.URL(text)
    if url.scheme not in DEFAULT_PORTS or url.userinfo:
        raise TargetRefused("expected an address of http or https, without a user")
    port = url.port or DEFAULT_PORTS[url.scheme]
    host = url.raw_host.decode("ascii")
    try:
        addresses = await resolve(host.strip("[]"), port)
    except (OSError, UnicodeError) as error:
        raise TargetRefused("the host's name could not be resolved") from error
    if not addresses:
        raise TargetRefused("the host's name could not be resolved")
    for address in addresses:
        told = refusal(address, allow_private=allow_private)
        if told is not None:
            raise TargetRefused(f"the host may not be reached: {told}")
    return [Target(url.copy_with(host=address), url.netloc.decode("ascii"), host) for address in addresses]
