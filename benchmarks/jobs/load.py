"""Posts one request over and over, from a process of its own: a plan as JSON on standard input, figures on output.

    echo '{"url": "http://127.0.0.1:8000", "path": "/jobs", ...}' | python -m benchmarks.jobs.load

Without a rate each of `concurrency` connections sends as soon as it was answered (a closed loop); with one, requests
start at even intervals whatever the answers do (an open loop), and a late start counts as latency.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import uvloop

from benchmarks.jobs.wire import Address, HttpConnection, request

ANSWER_WITHIN_S = 60


@dataclass(frozen=True)
class Plan:
    url: str
    path: str
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = 32
    seconds: float = 4.0
    max_requests: int = 50_000
    per_s: float | None = None


@dataclass(frozen=True)
class Load:
    """What came of a plan."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    statuses: Mapping[str, int]
    own_cpu_frac: float
    """How busy the generator itself was; near 1 it is the generator that was measured."""

    @property
    def per_s(self) -> float:
        return self.requests / self.seconds


def run(plan: Plan) -> Load:
    """Return what a process of its own measured."""
    begun = begin(plan)
    return result_of(begun)


def begin(plan: Plan) -> subprocess.Popen[str]:
    """Start a load and return its process, for those who measure something else meanwhile."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.jobs.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)))
    process.stdin.close()
    return process


def result_of(process: subprocess.Popen[str]) -> Load:
    assert process.stdout is not None
    with process.stdout:
        text = process.stdout.read()
    if process.wait() != 0:
        raise RuntimeError("the load generator failed; see above")
    return Load(**json.loads(text))


class Generator:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sent = request(
            "POST", plan.path, {"content-type": "application/json"} | dict(plan.headers), plan.body.encode()
        )
        self._latencies_s: list[float] = []
        self._statuses: Counter[int] = Counter()
        self._started = 0
        self._end = 0.0

    async def measure(self) -> Load:
        address = Address.of(self._plan.url)
        connections = [await HttpConnection.open(address) for _ in range(self._plan.concurrency)]
        start, cpu_start = time.perf_counter(), time.process_time()
        self._end = start + self._plan.seconds
        await asyncio.gather(*(self._work(connection, start) for connection in connections))
        seconds = time.perf_counter() - start
        for connection in connections:
            connection.close()
        ordered = sorted(self._latencies_s) or [float("nan")]
        return Load(
            requests=len(self._latencies_s),
            seconds=seconds,
            p50_ms=ordered[len(ordered) // 2] * 1000,
            p99_ms=ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
            statuses={str(status): count for status, count in self._statuses.items()},
            own_cpu_frac=(time.process_time() - cpu_start) / seconds,
        )

    async def _work(self, connection: HttpConnection, start: float) -> None:
        while self._started < self._plan.max_requests:
            number = self._started
            self._started += 1
            began = time.perf_counter()
            if self._plan.per_s is not None:
                due = start + number / self._plan.per_s
                await asyncio.sleep(max(0.0, due - began))
                began = due
            if began >= self._end:
                return
            answer = await asyncio.wait_for(connection.ask(self._sent), ANSWER_WITHIN_S)
            self._latencies_s.append(time.perf_counter() - began)
            self._statuses[answer.status] += 1


def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(Generator(plan).measure()))))


if __name__ == "__main__":
    main()
