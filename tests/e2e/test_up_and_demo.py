"""The whole product from one command, as its owner starts, uses and stops it: nothing in here is a stand-in."""

import json
import re
import signal
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from aitrader.client import Client
from aitrader.client.local_stack import admin_token
from tests.platform import clean_environment
from tests.waiting import eventually

START_WITHIN_S = 240  # the first start makes a database and compiles kernels, on a machine that may be busy
STOP_WITHIN_S = 40
AITRADER = [sys.executable, "-m", "aitrader"]
ENQUEUE = """
from backend.services.job_runner import enqueue_job
print(enqueue_job(job_type="probe", user_id="admin", payload={"steps": 1}))
"""

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Stack:
    process: subprocess.Popen[bytes]
    data_dir: Path
    output: Path
    errors: Path
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return self.output.read_text().removeprefix("ready ").strip()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that knows nothing but the data folder."""
        return subprocess.run(
            [*AITRADER, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_WITHIN_S,
            check=False,
        )

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.errors.read_text()
        return self.output.read_text().endswith("\n")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("up")
    data_dir, output, errors = folder / "data", folder / "stdout", folder / "stderr"
    environment = clean_environment(AITRADER_DATA_DIR=str(data_dir), MARKET__PROVIDERS="sample")
    with output.open("wb") as stdout, errors.open("wb") as stderr:
        command = [*AITRADER, "up", "--port", "0", "--flower-port", "0", "--workers", "2"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment)
    started = Stack(process, data_dir, output, errors, environment)
    try:
        eventually(started.is_ready, timeout_s=START_WITHIN_S, what="the line `ready URL`")
        yield started
    finally:
        process.terminate()
        process.wait(STOP_WITHIN_S)


@pytest.fixture(scope="module")
def stopped(stack: Stack) -> Stack:
    """The same stack after Ctrl-C: tests that need it up stand above those that use this."""
    stack.process.send_signal(signal.SIGINT)
    stack.process.wait(STOP_WITHIN_S)
    return stack


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Return the living processes that carry the data folder in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            is_one = process.environ().get("AITRADER_DATA_DIR") == str(data_dir)
            is_alive = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        if is_one and is_alive:
            found.append(process)
    return found


def test_up_prints_one_line_that_says_where_it_is_ready(stack: Stack) -> None:
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+\n", stack.output.read_text())
    assert "Ctrl-C stops everything" in stack.errors.read_text()


@pytest.mark.parametrize("name", ["connections.json", "admin.token", "stack.json", "flower.password"])
def test_files_of_the_stack_are_private(stack: Stack, name: str) -> None:
    assert stat.S_IMODE((stack.data_dir / name).stat().st_mode) == 0o600


def test_job_goes_through_with_the_data_folder_alone(stack: Stack) -> None:
    answer = stack.run("submit", "probe", "--payload", '{"steps": 2}', "--wait", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["state"] == "succeeded"


def test_job_enqueued_from_code_is_done(stack: Stack) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", ENQUEUE], env=stack.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
    with Client(stack.url, admin_token(stack.data_dir)) as client:
        assert client.job(str(uuid.UUID(answer.stdout.strip()))).wait(30).state == "succeeded"


def test_status_and_doctor_find_all_well(stack: Stack) -> None:
    status, doctor = stack.run("status", "--json"), stack.run("doctor")
    assert status.returncode == 0, status.stdout
    components = {component["name"]: component for component in json.loads(status.stdout)["stack"]["components"]}
    assert set(components) == {"postgres", "valkey", "api", "worker", "relay", "flower"}
    assert all(component["pid"] for component in components.values())
    assert doctor.returncode == 0, doctor.stdout
    assert {line.split()[0] for line in doctor.stdout.splitlines()} == {"ok"}


def test_logs_of_a_component_are_printed(stack: Stack) -> None:
    assert "ready to accept connections" in stack.run("logs", "postgres").stdout


def test_second_up_on_the_folder_says_what_runs(stack: Stack) -> None:
    answer = stack.run("up", "--port", "0")
    assert answer.returncode == 1
    assert f"(pid {stack.process.pid}, {stack.url})" in answer.stderr


def test_demo_uses_the_stack_that_runs(stack: Stack) -> None:
    answer = stack.run("demo")
    assert answer.returncode == 0, answer.stderr
    assert f"goes on at {stack.url}" in answer.stdout


def test_ctrl_c_ends_everything_with_exit_code_0(stopped: Stack) -> None:
    assert stopped.process.returncode == 0, stopped.errors.read_text()
    assert processes_of(stopped.data_dir) == []
    assert stopped.run("jobs", "list").returncode == 1


def test_demo_on_the_folder_of_an_older_run_prints_real_numbers_and_exits(stopped: Stack) -> None:
    answer = stopped.run("demo", "--exit", "--port", "0", "--no-flower")
    assert answer.returncode == 0, answer.stderr
    assert re.search(r"^final equity +88,044\.89", answer.stdout, re.MULTILINE)
    assert re.search(r"^\d+ matches found", answer.stdout, re.MULTILINE)
    assert re.search(r"^2000-06-22 .* -1,199\.38", answer.stdout, re.MULTILINE)
    assert "source: sample, real daily prices" in answer.stdout
    suggested = re.findall(r"^(\w+) +(?:buy|sell|hold) ", answer.stdout, re.MULTILINE)
    assert suggested == ["AAPL", "GOOG", "IBM", "MSFT"]
    assert "FB must have at least 312 bars" in answer.stdout
    assert "suggestion-lightgbm" in answer.stdout
    assert re.search(r"^negative +-\d\.\d\d +FTC +2020-12-09 +FTC Sues Facebook", answer.stdout, re.MULTILINE)
    assert "scored by: sentiment-minilm" in answer.stdout
    assert re.search(r"http://127\.0\.0\.1:\d+/docs", answer.stdout)
    assert str(stopped.data_dir / "admin.token") in answer.stdout
    assert "\x1b" not in answer.stdout + answer.stderr
    assert "\r" not in answer.stdout + answer.stderr
    assert processes_of(stopped.data_dir) == []
