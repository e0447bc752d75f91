"""Find and check TCP ports."""

import errno
import random
import socket
from contextlib import closing

from aitrader.stack.errors import PortTaken

LOOPBACK = "127.0.0.1"

# Below the range that kernels hand to outgoing connections (Linux 32768+, others 49152+): a client that
# retries while a server restarts could otherwise be given that very port and connect to itself, holding it.
FREE_PORTS = range(15_000, 32_000)
LAST_PORT = 65_535
TRIES = 200


class Ports:
    """Chooses the ports of one run, each at most once."""

    def __init__(self) -> None:
        self._given: dict[int, str] = {}

    def choose(self, asked: int, *, option: str, preferred: int | None = None, host: str = LOOPBACK) -> int:
        """Return the port that was asked for, which must be free; 0 asks for any, best the preferred one."""
        if asked == 0:
            return self._any(option, preferred, host)
        problem = self._why_not(asked, host)
        if problem is not None:
            raise PortTaken(f"port {asked} {problem} ({option}); free it, or choose another with {option}")
        self._given[asked] = option
        return asked

    def _any(self, option: str, preferred: int | None, host: str) -> int:
        wanted = [] if preferred is None else [preferred]
        for port in (*wanted, *random.SystemRandom().sample(FREE_PORTS, TRIES)):
            if self._why_not(port, host) is None:
                self._given[port] = option
                return port
        first, last = FREE_PORTS.start, FREE_PORTS.stop - 1
        raise PortTaken(f"expected a free port on {host} among {first}-{last}, found none ({option})")

    def _why_not(self, port: int, host: str) -> str | None:
        if port in self._given:
            return f"is already meant for {self._given[port]}"
        return why_not_free(host, port)


def why_not_free(host: str, port: int) -> str | None:
    """Return None when a server could listen on the port, else the reason as a predicate."""
    if not 1 <= port <= LAST_PORT:
        return f"does not exist, ports are 1-{LAST_PORT}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        return f"cannot be bound, {host!r} is not an address of this machine: {error}"
    with closing(socket.socket(family, kind, protocol)) as candidate:
        # As servers do: a port that merely lingers in TIME_WAIT counts as free, a listening one does not.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(address)
            candidate.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "is taken"
            return f"cannot be bound on {host}: {error.strerror}"
    return None
