"""Postgres and Redis that may be killed: the stack's supervisor starts them again, on the same ports and folders."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from aitrader.stack.data_dir import DataDir
from aitrader.stack.state import ComponentState, ComponentStatus, read_last_state
from tests.platform import Servers, running_servers
from tests.waiting import eventually

BACK_WITHIN_S = 60


@dataclass(frozen=True)
class KillableServers(Servers):
    folder: Path

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator["KillableServers"]:
        with running_servers(folder) as started:
            yield cls(started.database_url, started.redis_url, folder)

    def kill_redis(self, *, is_forgetful: bool) -> None:
        """Kill -9. It comes back with what its append-only file had, or with nothing."""
        before = self._component("valkey")
        assert before.pid is not None
        if is_forgetful:
            os.kill(before.pid, signal.SIGSTOP)  # or it would go on writing into the folder that vanishes
            shutil.rmtree(DataDir(self.folder).valkey / "appendonlydir")
        os.kill(before.pid, signal.SIGKILL)
        self._wait_for_another("valkey", before)

    @contextmanager
    def hung_redis(self, *, is_fatal: bool = False) -> Iterator[None]:
        """Within the block Redis accepts connections, and answers nothing.

        is_fatal: at the end it is killed, with all that it was sent meanwhile; else it goes on, and does it all.
        """
        pid = self._component("valkey").pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if is_fatal:
                self.kill_redis(is_forgetful=True)
            else:
                os.kill(pid, signal.SIGCONT)

    def flush_redis(self) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()

    def restart_postgres(self) -> None:
        """Shut down at once, as `pg_ctl -m immediate` does: no session ends well, and recovery starts from the log."""
        before = self._component("postgres")
        assert before.pid is not None
        os.kill(before.pid, signal.SIGQUIT)
        self._wait_for_another("postgres", before)

    def is_up(self) -> bool:
        try:
            with psycopg.connect(self.database_url, connect_timeout=2), redis.Redis.from_url(self.redis_url) as client:
                return bool(client.ping())
        except (psycopg.OperationalError, redis.RedisError):
            return False

    def _component(self, name: str) -> ComponentState:
        """Return the component once it serves."""

        def look() -> ComponentState | None:
            state = read_last_state(DataDir(self.folder))
            components = () if state is None else state.components
            return next((c for c in components if c.name == name and c.status == ComponentStatus.READY), None)

        found = eventually(look, timeout_s=BACK_WITHIN_S, what=f"{name} to serve")
        assert found is not None
        return found

    def _wait_for_another(self, name: str, before: ComponentState) -> None:
        is_back: Callable[[], bool] = lambda: self._component(name).pid != before.pid  # noqa: E731
        eventually(is_back, timeout_s=BACK_WITHIN_S, what=f"another {name}")
