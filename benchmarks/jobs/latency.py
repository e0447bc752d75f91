"""Measure (d): from POST to "succeeded" on the WebSocket, one job at a time, with nothing else to do."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median

import uvloop

from benchmarks.jobs.systems import NO_OP, System
from benchmarks.jobs.table import Line, Part
from benchmarks.jobs.wire import Address, HttpConnection, WsConnection, request

WARM_UP = 30
EACH_WITHIN_S = 15


@dataclass(frozen=True)
class Plan:
    url: str
    listen_path: str
    headers: dict[str, str]
    samples: int


def measure(systems: Sequence[System], *, rounds: int, samples: int) -> Part:
    """Return p50 and p99 over all rounds, which the systems take in turn."""
    waits_ms: dict[str, list[float]] = {system.name: [] for system in systems}
    for number in range(rounds):
        for system in systems if number % 2 == 0 else reversed(systems):
            waits_ms[system.name] += _sampled_elsewhere(system, samples)
    ours, theirs = sorted(waits_ms["product"]), sorted(waits_ms["reference"])
    name = "idle: POST until the WebSocket says succeeded"
    return Part(
        [
            Line(f"{name}, p50", "ms", median(ours), median(theirs), "at most 1x"),
            Line(f"{name}, p99", "ms", _p99(ours), _p99(theirs), "at most 1x"),
        ]
    )


def _p99(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]


def _sampled_elsewhere(system: System, samples: int) -> list[float]:
    plan = Plan(system.url, system.listen_path, dict(system.headers), samples)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.jobs.latency"],
        input=json.dumps(asdict(plan)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=(samples + WARM_UP) * EACH_WITHIN_S,
    )
    waits_ms: list[float] = json.loads(done.stdout)
    return waits_ms


class Watch:
    """Posts a job and waits for the word that it succeeded, whichever of its two connections is faster."""

    def __init__(self) -> None:
        self._succeeded_at: dict[str, float] = {}
        self._said = asyncio.Event()

    def hear(self, text: bytes) -> None:
        if b'"succeeded"' not in text:
            return
        now = time.perf_counter()
        told = json.loads(text)
        for job in jobs_of(told):
            if job.get("state") == "succeeded":
                self._succeeded_at[job["id"]] = now
        self._said.set()

    async def once_ms(self, http: HttpConnection, posted: bytes) -> float:
        start = time.perf_counter()
        answer = await http.ask(posted)
        if answer.status != 202:
            raise RuntimeError(f"expected 202, it was {answer.status}: {answer.body[:200]!r}")
        job_id = json.loads(answer.body)["id"]
        async with asyncio.timeout(EACH_WITHIN_S):
            while job_id not in self._succeeded_at:
                self._said.clear()
                await self._said.wait()
        return (self._succeeded_at.pop(job_id) - start) * 1000


def jobs_of(told: dict[str, object]) -> list[dict[str, str]]:
    """Return the jobs that a message speaks of: the product wraps one, the reference sends it bare."""
    data = told.get("data", told)
    if not isinstance(data, dict):
        return []
    return data["jobs"] if isinstance(data.get("jobs"), list) else [data]


async def _samples_ms(plan: Plan) -> list[float]:
    watch, address = Watch(), Address.of(plan.url)
    socket = await WsConnection.open(address, plan.listen_path, plan.headers, watch.hear)
    http = await HttpConnection.open(address)
    posted = request("POST", "/jobs", {"content-type": "application/json"} | plan.headers, NO_OP.encode())
    waits = [await watch.once_ms(http, posted) for _ in range(WARM_UP + plan.samples)]
    socket.close()
    http.close()
    return waits[WARM_UP:]


def main() -> None:
    plan = Plan(**json.load(sys.stdin))
    print(json.dumps(uvloop.run(_samples_ms(plan))))


if __name__ == "__main__":
    main()
