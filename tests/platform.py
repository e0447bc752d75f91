"""The product as processes: API replicas, workers and a relay on servers that the tests started."""

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis
from sqlalchemy import make_url

from backend.core.db.migrate import upgrade
from backend.core.db.sessions import sync_engine
from backend.services.accounts import create_token
from backend.settings.connections import normal_database_url
from tests.waiting import eventually

STOP_WITHIN_S = 60


@dataclass(frozen=True)
class Servers:
    """Postgres and Redis, started for these tests."""

    database_url: str
    redis_url: str

    def new_database(self, *, template: str = "template1") -> str:
        """Return the address of a new database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return make_url(self.database_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    process = subprocess.Popen(
        [sys.executable, "-m", "aitrader.stack.servers", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        line = process.stdout.readline()
        assert line, f"the servers did not start; see {folder / 'logs'}"
        found = json.loads(line)
        yield Servers(found["database_url"], found["redis_url"])
    finally:
        process.stdin.close()
        process.wait(STOP_WITHIN_S)
        process.stdout.close()


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without what would point a process at another installation."""
    ours = {"DATABASE_URL", "REDIS_URL", "AITRADER_DATA_DIR", "AITRADER_URL", "AITRADER_TOKEN"}
    return {name: value for name, value in os.environ.items() if name not in ours} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def migrated_template(servers: Servers) -> str:
    """Return the name of a database with today's schema, to clone others from."""
    url = servers.new_database()
    upgrade(normal_database_url(url))
    return make_url(url).database or ""


@dataclass
class Platform:
    """One installation: a database and a Redis number of its own, and whichever processes a test starts."""

    database_url: str
    redis_url: str
    data_dir: Path
    extra_environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.urls[0]

    @property
    def environment(self) -> dict[str, str]:
        return clean_environment(
            DATABASE_URL=self.database_url,
            REDIS_URL=self.redis_url,
            AITRADER_DATA_DIR=str(self.data_dir),
            MARKET__PROVIDERS="sample",
            **({"LOG_LEVEL": "WARNING", "NEWS__SOURCES": ""} | self.extra_environment),
        )

    def start_all(self, *, workers: int = 1, queues: str | None = None) -> None:
        """Start an API, a relay and workers of two children each, all at the same time, and wait for them.

        queues: those that the workers serve, all by default. Who serves probes alone loads no engine.
        """
        url = self._begin_api()
        self.start("workers.relay")
        for _ in range(workers):
            self.start("workers", "--concurrency", "2", *([] if queues is None else ["--queues", queues]))
        eventually(lambda: answers(f"{url}/readyz"), timeout_s=90, what="the API")
        eventually(lambda: len(self.workers()) == workers, timeout_s=90, what="the workers")
        eventually(lambda: self.services()["relay"]["status"] == "ok", timeout_s=90, what="the relay")

    def start_api(self) -> str:
        """Start another replica of the API; return its address."""
        url = self._begin_api()
        eventually(lambda: answers(f"{url}/readyz"), timeout_s=90, what="the API")
        return url

    def _begin_api(self) -> str:
        port = free_port()
        self.start("backend", PORT=str(port))
        self.urls.append(f"http://127.0.0.1:{port}")
        return self.urls[-1]

    def start_worker(self, *arguments: str) -> subprocess.Popen[bytes]:
        before = len(self.workers())
        process = self.start("workers", *arguments)
        eventually(lambda: len(self.workers()) > before, timeout_s=90, what="the worker")
        return process

    def start(self, module: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.data_dir / f"{module}-{len(self.processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=self.environment | environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def token(self, user: str, role: str = "free") -> str:
        engine = sync_engine(normal_database_url(self.database_url))
        try:
            return create_token(engine, user_name=user, role=role).text  # type: ignore[arg-type]
        finally:
            engine.dispose()

    def client(self, role: str = "free", *, user: str | None = None, url: str | None = None) -> httpx.Client:
        """Return an HTTP client of a user, by default a new one."""
        token = self.token(user or f"{role}-{uuid.uuid4().hex[:8]}", role)
        return httpx.Client(base_url=url or self.url, headers={"Authorization": f"Bearer {token}"}, timeout=40)

    def services(self) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.url}/health/services").json()
        return answer

    def workers(self) -> list[dict[str, Any]]:
        """Return the signs of life of all workers."""
        with redis.Redis.from_url(self.redis_url) as client:
            keys = list(client.scan_iter("aitrader:alive:worker:*"))
            return [json.loads(text) for text in client.mget(keys) if text] if keys else []

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, to look behind the curtain."""
        with psycopg.connect(self.database_url, row_factory=psycopg.rows.dict_row, autocommit=True) as connection:
            cursor = connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def submit(client: httpx.Client, job_type: str, payload: dict[str, Any], **options: Any) -> dict[str, Any]:
    answer = client.post("/jobs", json={"job_type": job_type, "payload": payload, **options})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def finished(client: httpx.Client, job_id: str, *, timeout_s: float = 40.0) -> dict[str, Any]:
    """Return the job once it has ended."""

    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = client.get(f"/jobs/{job_id}", params={"wait": 5}).json()
        return job if job["finished_at"] is not None else None

    job = eventually(look, timeout_s=timeout_s, what=f"the end of job {job_id}")
    assert job is not None
    return job
