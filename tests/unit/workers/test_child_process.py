"""A child process is heard to its last word, and gone afterwards."""

import sys
from pathlib import Path

import psutil
import pytest

from tests.waiting import eventually
from workers.child_process import running

HEIR_HOLDS_THE_PIPE = """
import subprocess, sys
heir = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(heir.pid, flush=True)
"""


class Impatient(Exception):
    """What a test raises while the child runs."""


def heard(code: str, folder: Path, **environment: str) -> tuple[list[bytes], int | None]:
    """Return the lines that a child wrote, and what it ended with."""
    command = [sys.executable, "-c", code]
    with running(command, folder=folder, stderr=folder / "errors", environment=environment, grace_s=1.0) as child:
        return list(child.lines(lambda: None)), child.exit_code


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", []),
        ("print('a'); print('b')", [b"a", b"b"]),
        ("import sys; sys.stdout.write('unfinished')", [b"unfinished"]),
        ("print('x' * 200_000)", [b"x" * 200_000]),
        ("import os; os.write(1, b'a'); os.close(1); import time; time.sleep(0.3)", [b"a"]),
    ],
)
def test_every_line_is_heard(tmp_path: Path, code: str, expected: list[bytes]) -> None:
    assert heard(code, tmp_path) == (expected, 0)


def test_exit_code_and_errors_are_kept(tmp_path: Path) -> None:
    assert heard("import sys; sys.stderr.write('why'); sys.exit(7)", tmp_path) == ([], 7)
    assert (tmp_path / "errors").read_text() == "why"


def test_child_runs_in_its_folder_with_the_environment_it_is_given(tmp_path: Path) -> None:
    lines, _ = heard("import os; print(os.getcwd()); print(os.environ['GIVEN'])", tmp_path, GIVEN="this")
    assert lines == [str(tmp_path.resolve()).encode(), b"this"]


def test_heir_that_keeps_the_pipe_open_is_not_waited_for(tmp_path: Path) -> None:
    (told,), exit_code = heard(HEIR_HOLDS_THE_PIPE, tmp_path)
    assert exit_code == 0
    eventually(lambda: not is_running(int(told)), timeout_s=5, what="the end of the heir")


def test_child_is_gone_when_the_block_is_left_early(tmp_path: Path) -> None:
    pids: list[int] = []
    with pytest.raises(Impatient):
        leave_early(tmp_path, pids)
    assert not is_running(pids[0])


def leave_early(folder: Path, pids: list[int]) -> None:
    command = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
    with running(command, folder=folder, stderr=folder / "errors", environment={}, grace_s=1.0) as child:
        pids.append(int(next(child.lines(lambda: None))))
        raise Impatient


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
