"""The two systems that are measured, each as processes on the same servers: the product and the reference."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil
import psycopg

from tests.platform import Platform, Servers, answers, clean_environment, free_port, migrated_template
from tests.waiting import eventually

STOP_WITHIN_S = 20
READY_WITHIN_S = 240  # a busy machine takes its time to load the engines
NO_OP = '{"job_type": "probe", "payload": {}}'
DRAINED_WITHIN_S = 180.0


class System(Protocol):
    """What measures need to know of a system."""

    @property
    def name(self) -> str: ...

    @property
    def database_url(self) -> str: ...

    @property
    def redis_url(self) -> str: ...

    @property
    def processes(self) -> Sequence[subprocess.Popen[bytes]]: ...

    @property
    def url(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def listen_path(self) -> str: ...

    def start_api(self) -> None: ...

    def start_workers(self, concurrency: int = 2) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Product:
    platform: Platform
    name: str = "product"
    _headers: dict[str, str] = field(default_factory=dict)

    @property
    def database_url(self) -> str:
        return self.platform.database_url

    @property
    def redis_url(self) -> str:
        return self.platform.redis_url

    @property
    def processes(self) -> Sequence[subprocess.Popen[bytes]]:
        return self.platform.processes

    @property
    def url(self) -> str:
        return self.platform.url

    @property
    def headers(self) -> Mapping[str, str]:
        if not self._headers:
            self._headers = self.headers_of("bench")
        return self._headers

    def headers_of(self, user: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.platform.token(user, 'admin')}"}

    @property
    def listen_path(self) -> str:
        return "/ws?channels=job_updates"

    def start_api(self) -> None:
        self.platform.start_api()

    def start_workers(self, concurrency: int = 2) -> None:
        self.platform.start("workers.relay")
        before = len(self.platform.workers())
        self.platform.start("workers", "--concurrency", str(concurrency), "--queues", "probe")
        eventually(lambda: len(self.platform.workers()) > before, timeout_s=READY_WITHIN_S, what="the worker")

    def stop(self) -> None:
        self.platform.stop()
        self.platform.processes.clear()
        self.platform.urls.clear()


@dataclass
class Naive:
    database_url: str
    redis_url: str
    folder: Path
    name: str = "reference"
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    listen_path: str = "/ws"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_api(self) -> None:
        port = free_port()
        self._start("naive", sys.executable, "-m", "benchmarks.jobs.naive", PORT=str(port))
        self.url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{self.url}/openapi.json"), timeout_s=READY_WITHIN_S, what="the reference's API")

    def start_workers(self, concurrency: int = 2) -> None:
        arguments = ["-A", "benchmarks.jobs.naive_tasks", "worker", "-c", str(concurrency), "-l", "WARNING"]
        self._start("naive-worker", sys.executable, "-m", "celery", *arguments)
        log = self.folder / "naive-worker.log"
        eventually(self._has_worker, timeout_s=READY_WITHIN_S, what=f"the reference's worker (see {log})")

    def _has_worker(self) -> bool:
        # `celery inspect ping` takes seconds; children and an open queue take none.
        return len(psutil.Process(self.processes[-1].pid).children()) >= 2 and self._is_consuming()

    def _is_consuming(self) -> bool:
        import redis  # noqa: PLC0415 - only asked here

        with redis.Redis.from_url(self.redis_url) as client:
            number = self.redis_url.rpartition("/")[2]
            return any(one["db"] == number and one["cmd"] == "brpop" for one in client.client_list())

    def _start(self, log: str, *command: str, **environment: str) -> None:
        ours = clean_environment(DATABASE_URL=self.database_url, REDIS_URL=self.redis_url, **environment)
        with (self.folder / f"{log}.log").open("wb") as file:
            self.processes.append(
                subprocess.Popen(command, env=ours, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
            )

    def stop(self) -> None:
        stop_all(self.processes)
        self.processes.clear()


def stop_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does: with all that it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def stop_all(processes: list[subprocess.Popen[bytes]]) -> None:
    """End processes that we started, and wait for them."""
    for process in reversed(processes):
        process.send_signal(signal.SIGTERM)
    for process in processes:
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def product_on(servers: Servers, folder: Path, redis_number: int, **environment: str) -> Iterator[Product]:
    """Lend the product on a database and a Redis number of its own, with no process in it yet."""
    database = servers.new_database(template=migrated_template(servers))
    data = folder / f"product-{redis_number}"
    data.mkdir()
    product = Product(Platform(database, redis_on(servers, redis_number), data, environment))
    with ExitStack() as stack:
        stack.callback(product.stop)
        yield product


@contextmanager
def naive_on(servers: Servers, folder: Path, redis_number: int) -> Iterator[Naive]:
    naive = Naive(servers.new_database(), redis_on(servers, redis_number), folder)
    with ExitStack() as stack:
        stack.callback(naive.stop)
        yield naive


def redis_on(servers: Servers, number: int) -> str:
    return servers.redis_url.rpartition("/")[0] + f"/{number}"


def now_of(database_url: str) -> float:
    """Return Postgres's clock, in seconds."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    return float(row[0])


def drain(system: System, count_before: int, count: int) -> float:
    """Wait until `count` more jobs have succeeded; return Postgres's time of the last."""
    succeeded = "SELECT count(*) FROM jobs WHERE state = 'succeeded'"
    last = "SELECT extract(epoch FROM max(finished_at))::float8 FROM jobs"
    deadline = time.monotonic() + DRAINED_WITHIN_S
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        while (done := _number(connection, succeeded)) < count_before + count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{system.name}: {done - count_before} of {count} jobs succeeded in time")
            time.sleep(0.1)
        return _number(connection, last)


def succeeded_of(system: System) -> int:
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        return int(_number(connection, "SELECT count(*) FROM jobs WHERE state = 'succeeded'"))


def unfinished_of(system: System) -> int:
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        return int(_number(connection, "SELECT count(*) FROM jobs WHERE finished_at IS NULL"))


def pids_of(system: System) -> list[int]:
    """Return the processes that were started for a system; their children are not among them."""
    return [process.pid for process in system.processes]


def _number(connection: psycopg.Connection[tuple[float]], sql: str) -> float:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return float(row[0])


def rss_bytes(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process and its children have used so far."""
    process = psutil.Process(pid)
    spent = 0.0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            spent += times.user + times.system
    return spent
