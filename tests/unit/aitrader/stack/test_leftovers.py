import os
import secrets
import subprocess
import sys
from contextlib import contextmanager

import pytest

from aitrader.stack import leftovers
from aitrader.stack.leftovers import COMPONENT_VARIABLE, RUN_VARIABLE, kill_leftovers


@pytest.fixture
def run_id():
    return secrets.token_hex(8)


@contextmanager
def sleeper(run_id, component):
    environ = {**os.environ, RUN_VARIABLE: run_id, COMPONENT_VARIABLE: component}
    with subprocess.Popen(["sleep", "600"], env=environ, start_new_session=True) as child:
        try:
            yield child
        finally:
            child.kill()


def test_a_run_is_found_by_its_mark_in_any_session_and_another_run_is_left_alone(run_id):
    with sleeper(run_id, "api") as ours, sleeper("another", "api") as theirs:
        assert [process.pid for process in leftovers.leftovers(run_id)] == [ours.pid]
        assert kill_leftovers(run_id) == []
        assert ours.wait() == -9
        assert theirs.poll() is None


def test_one_component_can_be_cleared_alone(run_id):
    with sleeper(run_id, "api") as api, sleeper(run_id, "worker") as worker:
        assert kill_leftovers(run_id, "worker") == []
        assert worker.wait() == -9
        assert api.poll() is None


def test_the_watchdog_kills_the_run_when_its_input_ends(run_id):
    command = [sys.executable, "-I", leftovers.__file__, run_id]
    with sleeper(run_id, "api") as api, subprocess.Popen(command, stdin=subprocess.PIPE) as watchdog:
        watchdog.stdin.close()
        assert api.wait() == -9
        assert watchdog.wait() == 0
