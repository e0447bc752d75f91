import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from aitrader.stack.privileges import RunMode

CHECKOUT = Path(__file__).parents[3]
PATIENCE_S = 30
POLL_S = 0.02
# Servers of the developer's own would be used instead of ours.
AMBIENT = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}


def wait_until(condition, *, within_s=PATIENCE_S):
    """Return the condition's first true answer; fail when there is none in time."""
    pause = threading.Event()
    give_up_at = time.monotonic() + within_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= give_up_at:
            pytest.fail(f"still {answer!r} after {within_s} s")
        pause.wait(POLL_S)


@pytest.fixture
def eventually():
    return wait_until


def is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Return the live processes that carry the data folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            is_one = process.environ().get("AITRADER_DATA_DIR") == str(data_dir)
        except (psutil.Error, OSError):
            continue
        if is_one and not is_gone(process):
            found.append(process)
    return found


@pytest.fixture(name="processes_of")
def processes_of_fixture():
    return processes_of


@pytest.fixture(name="is_gone")
def is_gone_fixture():
    return is_gone


class RunningCommand:
    """A stack command in a process of its own, with its output in files."""

    def __init__(self, data_dir: Path, scratch: Path, code: str, arguments: list[str], environ: dict[str, str]):
        self.data_dir = data_dir
        self._stdout = scratch / "stdout"
        self._stderr = scratch / "stderr"
        with self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._popen = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                cwd=CHECKOUT,
                env={**AMBIENT, **environ},
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def stdout(self) -> str:
        return self._stdout.read_text()

    @property
    def stderr(self) -> str:
        return self._stderr.read_text()

    def line(self) -> str:
        """Return the first line of output, once it is there."""
        wait_until(lambda: self.stdout.endswith("\n") or self._popen.poll() is not None)
        assert self.stdout, f"no output; errors: {self.stderr}"
        return self.stdout.splitlines()[0]

    def connections(self) -> dict[str, str]:
        return json.loads(self.line())

    def components(self) -> dict[str, dict]:
        state = json.loads((self.data_dir / "stack.json").read_text())
        return {component["name"]: component for component in state["components"]}

    def family(self) -> list[psutil.Process]:
        """Return the supervisor and all that descends from it now."""
        supervisor = psutil.Process(self.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    @staticmethod
    def wait_until_gone(family: list[psutil.Process]) -> None:
        wait_until(lambda: all(map(is_gone, family)))

    def close_input(self) -> None:
        self._popen.stdin.close()

    def send(self, number: int) -> None:
        self._popen.send_signal(number)

    def exit_code(self) -> int:
        return self._popen.wait(timeout=PATIENCE_S)

    def stop(self) -> int:
        self.send(signal.SIGTERM)
        return self.exit_code()

    def discard(self) -> None:
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        self._popen.stdin.close()
        self._popen.wait()


SERVERS = """
import sys
from aitrader.stack.privileges import RunMode
from aitrader.stack.servers import main
run_mode = RunMode(sys.argv[2]) if len(sys.argv) > 2 else None
sys.exit(main([sys.argv[1]], run_mode=run_mode))
"""


@contextmanager
def running_servers(data_dir: Path, scratch: Path, *, run_mode: RunMode | None = None):
    modes = [] if run_mode is None else [run_mode]
    with running(data_dir, scratch, SERVERS, *modes) as command:
        yield command


@contextmanager
def running(data_dir: Path, scratch: Path, code: str, *arguments: str, **environ: str):
    command = RunningCommand(data_dir, scratch, code, [str(data_dir), *arguments], environ)
    try:
        yield command
    finally:
        command.discard()


@pytest.fixture(name="running", scope="session")
def running_fixture():
    return running


@pytest.fixture(name="running_servers", scope="session")
def running_servers_fixture():
    return running_servers
