"""A whole installation that may be hurt: what dies is started again, as a supervisor would, and nothing outlives it."""

import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import redis

from aitrader.stack import leftovers
from aitrader.stack.ports import Ports
from backend.core.db.migrate import upgrade
from backend.settings.connections import normal_database_url
from tests.faults import ledger
from tests.faults.actors import Actor, holds, signal_all
from tests.faults.servers import KillableServers
from tests.platform import Platform, answers
from tests.waiting import eventually

LEASE_S = 3.0
RENEW_EVERY_S = 0.5
RELAY_INTERVAL_S = 0.5
CANCEL_GRACE_S = 1.0
SLOTS = 2
QUEUES = ("backtest", "probe")
READY_WITHIN_S = 120
LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Held:
    """A lease whose holder was hurt, and when."""

    token: str
    at: datetime


@dataclass
class Stage:
    servers: KillableServers
    platform: Platform
    apis: Sequence[Actor]
    workers: Sequence[Actor]
    relays: Sequence[Actor]
    urls: Sequence[str]
    hurt: list[Held] = field(default_factory=list)
    outages: list[tuple[datetime, datetime]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def actors(self) -> Sequence[Actor]:
        return (*self.apis, *self.workers, *self.relays)

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.platform.rows(sql, *parameters)

    def count(self, sql: str, *parameters: Any) -> int:
        """Return the one number that a query has."""
        return int(next(iter(self.rows(sql, *parameters)[0].values())))

    def now(self) -> datetime:
        """Return the time by Postgres's clock, which is the one that counts."""
        found: datetime = self.rows("SELECT clock_timestamp() AS now")[0]["now"]
        return found

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(self.platform.redis_url, socket_timeout=2)

    def wait_ready(self) -> None:
        """Wait until every actor does what it is there for."""
        for actor in self.actors:
            eventually(actor.lives, timeout_s=READY_WITHIN_S, what=actor.name)
        for url in self.urls:
            eventually(lambda url=url: answers(f"{url}/readyz"), timeout_s=READY_WITHIN_S, what=url)  # type: ignore[misc]
        eventually(lambda: self._beating() >= {w.pid for w in self.workers}, timeout_s=READY_WITHIN_S, what="workers")
        eventually(self.active_relay, timeout_s=READY_WITHIN_S, what="an active relay")

    def is_ready(self, worker: Actor) -> bool:
        return worker.lives() and worker.pid in self._beating()

    def active_relay(self) -> Actor | None:
        """Return the relay whose connection holds the advisory lock."""
        ports = self.rows(
            "SELECT a.client_port AS port FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
            "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()"
        )
        found = [r for r in self.relays if r.lives() and any(holds(r.pid, row["port"]) for row in ports)]
        return found[0] if found else None

    def note_hurt(self, pids: Sequence[int]) -> list[str]:
        """Remember which leases these processes hold, to learn how soon their jobs move on; return the tokens."""
        rows = self.rows(
            "SELECT lease_token::text AS token, clock_timestamp() AS at FROM jobs "
            "WHERE state = 'running' AND worker_pid = ANY(%s)",
            list(pids),
        )
        self.hurt += [Held(row["token"], row["at"]) for row in rows]
        return [row["token"] for row in rows]

    def restart_postgres(self) -> None:
        began = self.now()
        self.servers.restart_postgres()
        self.outages.append((began, self.now()))

    def thaw(self) -> None:
        """Let go on whatever somebody froze."""
        for actor in self.actors:
            if actor.lives():
                signal_all(actor.tree(), signal.SIGCONT)

    def stop(self) -> None:
        self._over.set()
        self.thaw()
        for actor in reversed(self.actors):
            actor.stop()
        for actor in self.actors:
            if actor.exit_codes or actor.lives():
                actor.wait_stopped()

    def last_words(self) -> str:
        """Return what those wrote last that have died."""
        return "\n".join(f"{actor.name}: {actor.last_words()}" for actor in self.actors if actor.exit_codes)

    def keep_up(self) -> None:
        """Start again whatever died, until the stage is over."""
        while not self._over.wait(LOOK_EVERY_S):
            for actor in self.actors:
                actor.start_again_if_dead()

    def _beating(self) -> set[int]:
        try:
            return {worker["pid"] for worker in self.platform.workers()}
        except redis.RedisError:
            return set()


@contextmanager
def staged(folder: Path, **environment: str) -> Iterator[Stage]:
    """Give a stage of two API replicas, two workers of two children each, and two relays, on servers of its own."""
    with ExitStack() as stack:
        servers = stack.enter_context(KillableServers.running(folder / "servers"))
        run_id = stack.enter_context(nothing_left_behind())
        stage = _built(servers, folder, {leftovers.RUN_VARIABLE: run_id} | environment)
        upgrade(normal_database_url(stage.platform.database_url))
        ledger.install(stage.platform.database_url)
        stack.callback(stage.stop)
        for actor in stage.actors:
            actor.start()
        caretaker = threading.Thread(target=stage.keep_up, name="caretaker", daemon=True)
        caretaker.start()
        try:
            stage.wait_ready()
        except AssertionError as error:
            raise AssertionError(f"{error}\n{stage.last_words()}") from error
        yield stage


@contextmanager
def nothing_left_behind() -> Iterator[str]:
    """Give a mark for the environment of processes: what carries it is killed at the end, also when we are killed."""
    run_id = secrets.token_hex(16)
    # Its standard input ends with this process, however that ends: then it kills what carries the mark.
    sweeper = subprocess.Popen([sys.executable, "-I", leftovers.__file__, run_id], stdin=subprocess.PIPE)
    try:
        yield run_id
    finally:
        assert sweeper.stdin is not None
        sweeper.stdin.close()
        sweeper.wait()


def _built(servers: KillableServers, folder: Path, environment: dict[str, str]) -> Stage:
    data_dir = folder / "data"
    data_dir.mkdir()
    settings = {
        "JOBS__LEASE_S": str(LEASE_S),
        "JOBS__RENEW_EVERY_S": str(RENEW_EVERY_S),
        "JOBS__RELAY_INTERVAL_S": str(RELAY_INTERVAL_S),
        "JOBS__CANCEL_GRACE_S": str(CANCEL_GRACE_S),
    }
    platform = Platform(servers.new_database(), servers.redis_url, data_dir, settings | environment)
    ports = Ports()
    numbers = [ports.choose(0, option=f"replica {i}") for i in range(2)]

    def actors(name: str, count: int, command: Callable[[int], Sequence[str]], more: Callable[[int], dict[str, str]]):
        return [
            Actor(f"{name} {i}", command(i), platform.environment | more(i), data_dir / f"{name}-{i}.log")
            for i in range(count)
        ]

    worker = ("workers", "--concurrency", str(SLOTS), "--queues", ",".join(QUEUES))
    return Stage(
        servers,
        platform,
        apis=actors("api", 2, lambda _: ["backend"], lambda i: {"PORT": str(numbers[i])}),
        workers=actors("worker", 2, lambda _: worker, lambda _: {}),
        relays=actors("relay", 2, lambda _: ["workers.relay"], lambda _: {}),
        urls=[f"http://127.0.0.1:{number}" for number in numbers],
    )


def disagreements(stage: Stage) -> Sequence[str]:
    """Return where Redis or the lanes do not agree with the rows (I10)."""
    lanes = stage.rows(
        "SELECT l.queue, u.name, l.running, (SELECT count(*) FROM jobs j WHERE j.queue = l.queue "
        "AND j.user_id = l.user_id AND j.state = 'running') AS really FROM job_lanes l JOIN users u ON u.id = l.user_id"
    )
    found = [f"the lane of {row['name']} counts {row['running']}" for row in lanes if row["running"] != row["really"]]
    queued = {
        row["queue"]: row["n"]
        for row in stage.rows("SELECT queue, count(*) AS n FROM jobs WHERE state = 'queued' GROUP BY 1")
    }
    with stage.broker() as broker:
        depths = {queue: int(broker.llen(queue)) for queue in QUEUES}
    return found + [
        f"{n} bells wait for {queue}, {queued.get(queue, 0)} jobs do"
        for queue, n in depths.items()
        if n > queued.get(queue, 0)
    ]
