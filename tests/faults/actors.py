"""The product's processes as actors: each can be killed, frozen or stopped, alone or with all its heirs."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from tests.waiting import eventually

STOP_WITHIN_S = 60


class Actor:
    """One process of the product, started again when somebody finds it dead and wants it alive."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.is_wanted = False
        self.exit_codes: list[int] = []
        self._command = command
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.RLock()

    def start(self) -> None:
        self.is_wanted = True
        with self._lock, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._command],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_again_if_dead(self) -> None:
        with self._lock:
            if self.is_wanted and not self.lives():
                self.start()

    def lives(self) -> bool:
        with self._lock:
            if self._process is None:
                return False
            code = self._process.poll()
            if code is not None:
                self.exit_codes.append(code)
                self._process = None
            return code is None

    @property
    def pid(self) -> int:
        process = self._process
        assert process is not None, f"{self.name} does not run"
        return process.pid

    def pool(self) -> list[int]:
        """Return the pids of a worker's children that run jobs, lowest first."""
        return [child.pid for child in children_of(self.pid) if not is_keeper(child)]

    def keeper(self) -> int | None:
        return next((child.pid for child in children_of(self.pid) if is_keeper(child)), None)

    def tree(self) -> list[int]:
        return [self.pid, *(child.pid for child in children_of(self.pid, recursive=True))]

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "(it wrote nothing)"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def kill_tree(self) -> list[int]:
        """Kill the process and all its heirs, as the end of its host would."""
        pids = self.tree()
        signal_all(pids, signal.SIGSTOP)  # so that none of them notices the end of another
        signal_all(pids, signal.SIGKILL)
        return pids

    def freeze_tree(self) -> list[int]:
        pids = self.tree()
        signal_all(pids, signal.SIGSTOP)
        return pids

    def stop(self) -> None:
        """Ask it to end, and do not start it again."""
        with self._lock:
            self.is_wanted = False
            if self.lives():
                os.kill(self.pid, signal.SIGTERM)

    def wait_stopped(self) -> int:
        """Return its exit code; kill it when it takes too long."""
        with suppress(AssertionError):
            eventually(lambda: not self.lives(), timeout_s=STOP_WITHIN_S, what=f"the end of {self.name}")
        if self.lives():
            self.kill_tree()
            eventually(lambda: not self.lives(), what=f"the end of {self.name}")
        return self.exit_codes[-1]


def children_of(pid: int, *, recursive: bool = False) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        found = psutil.Process(pid).children(recursive=recursive)
        return sorted((child for child in found if is_alive(child)), key=lambda child: child.pid)
    return []


def is_keeper(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "workers.keeper" in process.cmdline()
    return False


def is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def holds(pid: int, port: int) -> bool:
    """Tell whether a process has a TCP connection from this local port."""
    with suppress(psutil.Error):
        return any(c.laddr and c.laddr.port == port for c in psutil.Process(pid).net_connections("tcp"))
    return False
