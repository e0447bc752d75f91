import os
import subprocess
import sys

import pytest

from aitrader.stack.privileges import LAUNCHER, RunMode, launch_command, nobody

SHOW_PID = ("/bin/sh", "-c", "echo $$")


def test_the_program_takes_over_the_launchers_process():
    with subprocess.Popen(launch_command(RunMode.DIRECT, SHOW_PID), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.read() == f"{child.pid}\n"


def test_nothing_is_run_when_the_supervisor_is_not_the_parent_any_more():
    command = (sys.executable, "-I", "-S", str(LAUNCHER), "--parent", str(os.getppid()), "--", "/bin/echo", "ran")
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (126, "")


def test_a_program_that_does_not_exist_is_reported():
    command = launch_command(RunMode.DIRECT, ("/no/such/program",))
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 126
    assert answer.stderr.startswith("cannot launch: [Errno 2]")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(
    ("mode", "uid"), [(RunMode.DIRECT, 0), (RunMode.USER_NAMESPACE, 1000), (RunMode.OTHER_USER, nobody()[0])]
)
def test_root_becomes_whom_the_mode_says(mode, uid):
    answer = subprocess.run(launch_command(mode, ("/usr/bin/id", "-u")), capture_output=True, check=False)
    assert int(answer.stdout) == uid
