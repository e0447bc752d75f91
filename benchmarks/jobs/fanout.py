"""Measure (e): one message to a thousand WebSocket clients of one replica, beside the least that could do it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

import psycopg
import redis

from backend.core.event_log import Announcement, publish
from backend.core.events import Event, Kind, Topic
from benchmarks.jobs.listeners import Heard, Listeners, Plan, listening
from benchmarks.jobs.systems import Product, cpu_seconds, product_on, redis_on, rss_bytes, stop_all
from benchmarks.jobs.table import Line, Part
from tests.platform import Servers, answers, clean_environment, free_port
from tests.waiting import eventually

MESSAGE_BYTES = 420  # what a job's update has
BURST = 50
PACED_PER_S = 20
PACED_ROUNDS = 3
WARM_CLIENTS = 50


@dataclass(frozen=True)
class Stage:
    """One server of the two, and how to make it say something to all."""

    name: str
    url: str
    pid: int
    path: str
    headers: Mapping[str, str]
    greetings: int
    say: Callable[[int], None]


@dataclass(frozen=True)
class FanOut:
    deliveries_per_s: float
    cpu_us_per_delivery: float
    """Of the server alone: it tells the same on a machine that others use too."""
    p99_ms: float
    p99_beside_stalled_ms: float
    kb_per_connection: float
    """After each was told one thing; `kb_after_burst` after a burst, whose buffers the process may keep."""
    kb_after_burst: float
    client_cpu_frac: float


def measure(servers: Servers, folder: Path, *, clients: int, rounds: int, paced_s: float) -> tuple[FanOut, FanOut]:
    """Return the figures of the product and of the bare broadcaster, their rounds taken in turn."""
    limits = {"WEBSOCKET__MAX_CONNECTIONS_PER_USER": str(clients + WARM_CLIENTS)}
    with ExitStack() as stack:
        product = stack.enter_context(product_on(servers, folder, 3, **limits))
        ours = Crowd(stack, stack.enter_context(product_stage(product)), clients)
        bare = Crowd(stack, stack.enter_context(bare_stage(servers, folder, 4)), clients)
        for number in range(rounds):
            for crowd in (ours, bare) if number % 2 else (bare, ours):
                crowd.burst()
        theirs, alone, beside = [], [], []
        for _ in range(PACED_ROUNDS):
            theirs.append(bare.paced_p99_ms(paced_s / PACED_ROUNDS))
            alone.append(ours.paced_p99_ms(paced_s / PACED_ROUNDS))
            with listening(ours.plan(0, stalled=1)):
                beside.append(ours.paced_p99_ms(paced_s / PACED_ROUNDS))
        return ours.figures(median(alone), median(beside)), bare.figures(median(theirs), float("nan"))


def part_of(ours: FanOut, bare: FanOut, *, clients: int) -> Part:
    name = f"{clients:,} WebSocket clients on one replica"
    busy = max(ours.client_cpu_frac, bare.client_cpu_frac)
    return Part(
        [
            Line(f"{name}, deliveries", "1/s", ours.deliveries_per_s, bare.deliveries_per_s, "at least 0.8x"),
            Line(f"{name}, server's processor time", "us each", ours.cpu_us_per_delivery, bare.cpu_us_per_delivery),
            Line(f"{name}, {PACED_PER_S} messages a second, p99", "ms", ours.p99_ms, bare.p99_ms),
            Line(f"{name}, p99 beside a stalled client", "ms", ours.p99_beside_stalled_ms, ours.p99_ms, "at most 1x"),
            Line(f"{name}, memory a connection", "KiB", ours.kb_per_connection, bare.kb_per_connection, "under 40"),
            Line(f"{name}, the same after a burst of {BURST}", "KiB", ours.kb_after_burst, bare.kb_after_burst),
        ],
        [
            "The fan-out's reference is the bare broadcaster; the stalled client's is the product without one.",
            f"The process of the clients was busy {busy:.0%} of the time: near 100 % it would be what was measured.",
        ],
    )


class Crowd:
    """The clients of one server, open from the start to the end of the measure."""

    def __init__(self, stack: ExitStack, stage: Stage, clients: int) -> None:
        self._stage = stage
        self._clients = clients
        self._rates: list[float] = []
        self._cpu_us: list[float] = []
        self._own_cpu: list[float] = []
        with listening(self.plan(WARM_CLIENTS)) as few:
            self._say_and_hear(few, WARM_CLIENTS)
        before = rss_bytes(stage.pid)
        self._listeners = stack.enter_context(listening(self.plan(clients)))
        self._say_and_hear(self._listeners, clients, messages=1)
        self._kb = (rss_bytes(stage.pid) - before) / clients / 1024
        self._say_and_hear(self._listeners, clients)
        self._kb_after_burst = (rss_bytes(stage.pid) - before) / clients / 1024

    def plan(self, clients: int, *, stalled: int = 0) -> Plan:
        stage = self._stage
        return Plan(stage.url, stage.path, clients, stage.headers, stage.greetings, stalled)

    def burst(self) -> None:
        """Say much at once, and note the deliveries a second until the last."""
        cpu_s, start_ns = cpu_seconds(self._stage.pid), time.time_ns()
        heard = self._say_and_hear(self._listeners, self._clients)
        self._rates.append(heard.deliveries / (heard.last_at_ns - start_ns) * 1e9)
        self._cpu_us.append((cpu_seconds(self._stage.pid) - cpu_s) / heard.deliveries * 1e6)
        self._own_cpu.append(heard.own_cpu_frac)

    def paced_p99_ms(self, seconds: float) -> float:
        """Say one thing after the other at an even pace; return how late all but a hundredth were heard."""
        count = int(PACED_PER_S * seconds)
        self._listeners.expect(count * self._clients, within_s=seconds + 20)
        start = time.perf_counter()
        for number in range(count):
            time.sleep(max(0.0, start + number / PACED_PER_S - time.perf_counter()))
            self._stage.say(1)
        return self._listeners.heard().p99_ms

    def figures(self, p99_ms: float, p99_beside_stalled_ms: float) -> FanOut:
        return FanOut(
            deliveries_per_s=median(self._rates),
            cpu_us_per_delivery=median(self._cpu_us),
            p99_ms=p99_ms,
            p99_beside_stalled_ms=p99_beside_stalled_ms,
            kb_per_connection=self._kb,
            kb_after_burst=self._kb_after_burst,
            client_cpu_frac=max(self._own_cpu),
        )

    def _say_and_hear(self, listeners: Listeners, clients: int, *, messages: int = BURST) -> Heard:
        listeners.expect(messages * clients)
        self._stage.say(messages)
        return listeners.heard()


def message() -> str:
    """Return a message that says when it was sent."""
    head = f'{{"sent_ns":{time.time_ns()},"padding":"'
    return head + "x" * (MESSAGE_BYTES - len(head) - 2) + '"}'


@contextmanager
def product_stage(product: Product) -> Iterator[Stage]:
    product.start_api()
    headers = product.headers
    with psycopg.connect(product.database_url) as connection:
        row = connection.execute("SELECT id FROM users WHERE name = 'bench'").fetchone()
    assert row is not None
    topic = Topic("job_updates", UUID(str(row[0])))
    with redis.Redis.from_url(product.platform.redis_url) as client:

        def say(count: int) -> None:
            publish(client, Announcement([Event((topic,), str(uuid4()), Kind.STATE, message()) for _ in range(count)]))

        pid = product.platform.processes[-1].pid
        yield Stage("product", product.url, pid, product.listen_path, headers, 2, say)


@contextmanager
def bare_stage(servers: Servers, folder: Path, redis_number: int) -> Iterator[Stage]:
    url, port = redis_on(servers, redis_number), free_port()
    environment = clean_environment(REDIS_URL=url, PORT=str(port))
    with (folder / "bare.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.jobs.bare_broadcaster"], env=environment, stdout=log, stderr=log
        )
    try:
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{address}/readyz"), timeout_s=60, what="the bare broadcaster")
        with redis.Redis.from_url(url) as client:

            def say(count: int) -> None:
                pipe = client.pipeline(transaction=False)
                for number in range(count):
                    pipe.publish("bare", _in_envelope(number))
                pipe.execute()

            yield Stage("bare", address, process.pid, "/ws", {}, 1, say)
    finally:
        stop_all([process])


def _in_envelope(number: int) -> str:
    """Return as many bytes around a message as the product puts around its own."""
    return f'{{"ch":"job_updates","type":"update","cursor":"0123456789ab:{number}","data":{message()}}}'
