"""The product's own processes: what they run, with which environment, and when they are ready."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aitrader.stack.component import Component, Program
from aitrader.stack.connections import Connections
from aitrader.stack.data_dir import DataDir
from aitrader.stack.environment import child_environ
from aitrader.stack.probes import http_answers, service_is_ok
from backend.core.private_files import kept_password

FLOWER_USER = "admin"
FLOWER_COLUMNS = "kwargs,state,received,started,runtime,worker,uuid"
"""Of a doorbell `kwargs` says most: type, queue, and the job that rang. All have the same name."""

# Generous: where set-up did not, a worker's start compiles kernels, on a busy machine for a minute. The api's time is
# the shorter, since the others are asked for through it: when it fails, its error is the one to report.
API_READY_S = 120.0
SERVICES_READY_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Applications:
    """Builds the components of one stack, all of them on the same servers."""

    data_dir: DataDir
    connections: Connections
    host: str
    port: int
    workers: int
    flower_url: str | None = None

    @property
    def url(self) -> str:
        return http_url(self.host, self.port)

    def migrate(self) -> Program:
        return self._python("migrate", "-m", "backend.core.db.migrate")

    def ensure_admin(self) -> Program:
        token_file = str(self.data_dir.admin_token)
        return self._python("admin", "-m", "backend.services.accounts", "ensure-admin", token_file)

    def api(self) -> Component:
        return Component(
            program=self._python("api", "-m", "backend", HOST=self.host, PORT=str(self.port), **self._flower()),
            readiness=http_answers(f"{self.url}/readyz", HTTPStatus.OK),
            ready_timeout_s=API_READY_S,
        )

    def worker(self) -> Component:
        return Component(
            program=self._python("worker", "-m", "workers", "--concurrency", str(self.workers)),
            readiness=service_is_ok(self._services_url, "workers"),
            ready_timeout_s=SERVICES_READY_S,
            stop_grace_s=20.0,  # it gives back the attempts it has in hand
        )

    def relay(self) -> Component:
        return Component(
            program=self._python("relay", "-m", "workers.relay"),
            readiness=service_is_ok(self._services_url, "relay"),
            ready_timeout_s=SERVICES_READY_S,
        )

    def flower(self, port: int) -> Component:
        password = kept_password(self.data_dir.flower_password)
        settings = {
            "FLOWER_ADDRESS": "127.0.0.1",
            "FLOWER_PORT": str(port),
            "FLOWER_BASIC_AUTH": f"{FLOWER_USER}:{password}",
            "FLOWER_READ_ONLY": "true",
            "FLOWER_PERSISTENT": "false",
            "FLOWER_TASKS_COLUMNS": FLOWER_COLUMNS,
        }
        return Component(
            program=self._python("flower", "-m", "celery", "-A", "workers.app", "flower", **settings),
            readiness=http_answers(http_url("127.0.0.1", port), HTTPStatus.OK, HTTPStatus.UNAUTHORIZED),
            ready_timeout_s=API_READY_S,
        )

    def _flower(self) -> Mapping[str, str]:
        return {} if self.flower_url is None else {"FLOWER_URL": self.flower_url}

    @property
    def _services_url(self) -> str:
        return f"{self.url}/health/services"

    def _python(self, name: str, *arguments: str, **settings: str) -> Program:
        return Program(
            name=name,
            argv=(sys.executable, *arguments),
            environ=child_environ(self.data_dir, {**self._shared_settings(), **settings}),
            cwd=self.data_dir.path,
        )

    def _shared_settings(self) -> Mapping[str, str]:
        return {
            "DATABASE_URL": self.connections.database_url,
            "REDIS_URL": self.connections.redis_url,
            # One job, one core: the worker's processes are the parallelism.
            "NUMBA_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",  # a line is in the log when it is written, not when a buffer is full
            "PYTHONSAFEPATH": "1",  # no file in the data folder can pose as a module
        }


def http_url(host: str, port: int) -> str:
    """Return the URL under which a local client reaches a server bound to `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 -- compared only
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
