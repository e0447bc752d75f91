"""Measures (a), (b) and (c): jobs a second from end to end, alone and in batches, and requests a second."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import psycopg
import redis

from benchmarks.jobs import load
from benchmarks.jobs.load import Load
from benchmarks.jobs.systems import NO_OP, System, cpu_seconds, drain, now_of, pids_of, succeeded_of, unfinished_of
from benchmarks.jobs.table import Line, Part
from tests.waiting import eventually

CONCURRENCY = 32
WARM_UP_S = 1.0
BATCH = 1_000
ACCEPTED = {"202"}


@dataclass
class Figures:
    """What one system did, a value a round."""

    jobs_per_s: list[float] = field(default_factory=list)
    cpu_ms_per_job: list[float] = field(default_factory=list)
    posts_per_s: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)

    def note_posts(self, found: Load) -> None:
        refused = {status: count for status, count in found.statuses.items() if status not in ACCEPTED}
        if refused:
            raise RuntimeError(f"expected every POST to be answered 202, there were {refused}")
        self.posts_per_s.append(found.per_s)
        self.p50_ms.append(found.p50_ms)
        self.p99_ms.append(found.p99_ms)


def in_turn(systems: Sequence[System], rounds: int, once: Callable[[System, Figures], None]) -> Mapping[str, Figures]:
    """Measure the systems round after round, each second round in the other order."""
    figures = {system.name: Figures() for system in systems}
    for number in range(rounds):
        for system in systems if number % 2 == 0 else reversed(systems):
            once(system, figures[system.name])
    return figures


def posts_idle(systems: Sequence[System], *, rounds: int, seconds: float) -> Part:
    """Return how fast jobs are taken while no worker runs; pools and caches are filled before."""
    for system in systems:
        load.run(_plan(system, WARM_UP_S))

    def once(system: System, figures: Figures) -> None:
        figures.note_posts(load.run(_plan(system, seconds)))

    return Part(_post_lines("idle", in_turn(systems, rounds, once), wanted="at least 3x"))


def end_to_end(systems: Sequence[System], *, rounds: int, seconds: float) -> tuple[Part, float, float]:
    """Return the lines of a flood of single jobs; then both systems' median jobs a second."""

    def once(system: System, figures: Figures) -> None:
        before, cpu_s, start_s = succeeded_of(system), _cpu_s(system), now_of(system.database_url)
        posted = load.run(_plan(system, seconds))
        figures.note_posts(posted)
        last_s = drain(system, before, posted.requests)
        figures.jobs_per_s.append(posted.requests / (last_s - start_s))
        figures.cpu_ms_per_job.append((_cpu_s(system) - cpu_s) / posted.requests * 1000)

    figures = in_turn(systems, rounds, once)
    ours, theirs = figures["product"], figures["reference"]
    lines = [
        Line(
            "no-op jobs, POST /jobs until succeeded",
            "jobs/s",
            median(ours.jobs_per_s),
            median(theirs.jobs_per_s),
            "at least 4x",
        ),
        Line(
            "processor time of API, workers and relay",
            "ms/job",
            median(ours.cpu_ms_per_job),
            median(theirs.cpu_ms_per_job),
        ),
        *_post_lines("busy", figures, wanted="at least 3x"),
    ]
    return Part(lines), median(ours.jobs_per_s), median(theirs.jobs_per_s)


def batches(product: System, *, rounds: int, reference_jobs_per_s: float) -> Part:
    """Return how fast jobs that come a thousand at a time end, beside the reference's single ones."""
    name = f"no-op jobs, POST /jobs/batch ({BATCH:,} each) until succeeded"
    body = json.dumps({"jobs": [json.loads(NO_OP)] * BATCH}).encode()
    if post(product.url, "/jobs/batch", json.dumps({"jobs": [json.loads(NO_OP)]}).encode(), product.headers) in {
        404,
        405,
    }:
        return Part([Line(name, "jobs/s", "not there", None, "at least 10x")])
    eventually(lambda: unfinished_of(product) == 0, what="the end of the first batch")
    rates = []
    for _ in range(rounds):
        before, start_s = succeeded_of(product), now_of(product.database_url)
        for _ in range(5):
            status = post(product.url, "/jobs/batch", body, product.headers)
            if status != 202:
                raise RuntimeError(f"expected a batch to be answered 202, it was {status}")
        rates.append(5 * BATCH / (drain(product, before, 5 * BATCH) - start_s))
    return Part([Line(name, "jobs/s", median(rates), reference_jobs_per_s, "at least 10x")])


def forget_jobs(system: System) -> None:
    """Empty a system's table, and its Redis of what waits there."""
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        connection.execute("TRUNCATE jobs CASCADE")
    with redis.Redis.from_url(system.redis_url) as client:
        client.delete("celery", "probe")


def _plan(system: System, seconds: float) -> load.Plan:
    plan = load.Plan(system.url, "/jobs", NO_OP, dict(system.headers), CONCURRENCY)
    return replace(plan, seconds=seconds)


def _post_lines(state: str, figures: Mapping[str, Figures], *, wanted: str) -> list[Line]:
    ours, theirs = figures["product"], figures["reference"]
    name = f"POST /jobs at concurrency {CONCURRENCY}, workers {state}"
    return [
        Line(name, "requests/s", median(ours.posts_per_s), median(theirs.posts_per_s), wanted),
        Line(f"{name}, p50", "ms", median(ours.p50_ms), median(theirs.p50_ms)),
        Line(f"{name}, p99", "ms", median(ours.p99_ms), median(theirs.p99_ms), "at most 1x"),
    ]


def _cpu_s(system: System) -> float:
    return sum(cpu_seconds(pid) for pid in pids_of(system))


def post(url: str, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Return the status that a body was answered with."""
    asked = urllib.request.Request(url + path, body, {"content-type": "application/json"} | dict(headers))
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
