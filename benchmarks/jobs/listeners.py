"""Many WebSocket clients in one process, which count what they are told and how late it came.

A plan as one line of JSON on standard input opens them and is answered with `{"open": N}`; each further line
`{"deliveries": N, "within_s": S}` waits for so many deliveries and is answered with what they were.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import uvloop

from benchmarks.jobs.wire import Address, WsConnection, upgrade_request

MARK = b'"sent_ns":'
"""What a message to be counted carries, followed by its time of sending and a comma or a brace."""
OPEN_AT_ONCE = 20
NARROW_BYTES = 4_096
OPENED_WITHIN_S = 180


@dataclass(frozen=True)
class Plan:
    url: str
    path: str
    count: int
    headers: Mapping[str, str] = field(default_factory=dict)
    greetings: int = 1
    """How many messages each client is sent first, before it is taken for open."""
    stalled: int = 0
    """How many more clients connect with a narrow socket and never read."""


@dataclass(frozen=True)
class Heard:
    deliveries: int
    last_at_ns: int
    p50_ms: float
    p99_ms: float
    own_cpu_frac: float


class Listeners:
    """The process of the clients, as the one who started it sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def expect(self, deliveries: int, *, within_s: float = 60.0) -> None:
        """Begin to wait for so many deliveries."""
        self._say({"deliveries": deliveries, "within_s": within_s})
        self._hear()  # it has begun

    def heard(self) -> Heard:
        answer = self._hear()
        return Heard(
            deliveries=int(answer["deliveries"]),
            last_at_ns=int(answer["last_at_ns"]),
            p50_ms=answer["p50_ms"],
            p99_ms=answer["p99_ms"],
            own_cpu_frac=answer["own_cpu_frac"],
        )

    def _say(self, told: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the listeners failed; see above")
        answer: dict[str, float] = json.loads(line)
        return answer


@contextmanager
def listening(plan: Plan) -> Iterator[Listeners]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.jobs.listeners"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    listeners = Listeners(process)
    try:
        listeners._say(asdict(plan))  # noqa: SLF001 - the process's own words, said before anybody has it
        listeners._hear()  # noqa: SLF001 - the same
        yield listeners
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


class Clients:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._latencies_ns = array("q")
        self._greetings = 0
        self._wanted = plan.count * plan.greetings
        self._last_at_ns = 0
        self._enough = asyncio.Event()

    async def serve(self) -> None:
        stalled = [await stalled_client(self._plan) for _ in range(self._plan.stalled)]
        address = Address.of(self._plan.url)
        gate = asyncio.Semaphore(OPEN_AT_ONCE)

        async def connect() -> WsConnection:
            async with gate:
                return await WsConnection.open(address, self._plan.path, self._plan.headers, self._greet_or_count)

        async with asyncio.timeout(OPENED_WITHIN_S):
            connections = await asyncio.gather(*(connect() for _ in range(self._plan.count)))
            if self._wanted:
                await self._enough.wait()
        self._say({"open": len(connections)})
        while line := await asyncio.to_thread(sys.stdin.readline):
            await self._count(json.loads(line))
        for connection in connections:
            connection.close()
        for one in stalled:
            one.close()

    def _greet_or_count(self, text: bytes) -> None:
        at = text.find(MARK)
        if at < 0:
            self._greetings += 1
            if self._greetings == self._wanted:
                self._enough.set()
            return
        now = time.time_ns()
        self._latencies_ns.append(now - int(text[at + len(MARK) : at + len(MARK) + 19]))
        if len(self._latencies_ns) == self._wanted:
            self._last_at_ns = now
            self._enough.set()

    async def _count(self, asked: Mapping[str, float]) -> None:
        self._latencies_ns = array("q")
        self._wanted = int(asked["deliveries"])
        self._enough.clear()
        cpu, start = time.process_time(), time.perf_counter()
        self._say({"begun": 1})
        try:
            async with asyncio.timeout(asked["within_s"]):
                await self._enough.wait()
        except TimeoutError:
            self._last_at_ns = time.time_ns()  # the count tells that some never came
        own = (time.process_time() - cpu) / (time.perf_counter() - start)
        ordered = sorted(self._latencies_ns) or [0]
        p50, p99 = ordered[len(ordered) // 2] / 1e6, ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)] / 1e6
        self._say(asdict(Heard(len(self._latencies_ns), self._last_at_ns, p50, p99, own)))

    def _say(self, told: Mapping[str, object]) -> None:
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


async def stalled_client(plan: Plan) -> socket.socket:
    """Return the socket of a client that subscribes and then reads nothing."""
    address = Address.of(plan.url)
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BYTES)
    narrow.setblocking(False)  # noqa: FBT003 - the name of its parameter is not to be had
    loop = asyncio.get_running_loop()
    await loop.sock_connect(narrow, (address.host, address.port))
    await loop.sock_sendall(narrow, upgrade_request(plan.path, plan.headers))
    await loop.sock_recv(narrow, 16)  # the door has opened
    return narrow


def main() -> None:
    plan = Plan(**json.loads(sys.stdin.readline()))

    async def serve() -> None:
        await Clients(plan).serve()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
