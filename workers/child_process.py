"""A long computation in a process of its own: its lines are read while it runs, and it never outlives its job."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

LOOK_EVERY_S = 0.2
CHUNK_BYTES = 65_536

KEPT_VARIABLES = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "NUMBA_CACHE_DIR", "PATH", "PYTHONPATH", "TMPDIR", "TZ")
"""What a child gets of our environment. Addresses, passwords and keys are none of its business."""


class ChildProcess:
    """A process that runs; `running` ends it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def lines(self, meanwhile: Callable[[], None]) -> Iterator[bytes]:
        """Yield the lines of its standard output until it ended; `meanwhile` is called several times a second."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        unfinished = b""
        while True:
            meanwhile()
            if not select.select([output], [], [], LOOK_EVERY_S)[0]:
                if self._process.poll() is not None:  # it ended, and an heir of it keeps the pipe open
                    break
                continue
            chunk = os.read(output, CHUNK_BYTES)
            if not chunk:
                break
            *lines, unfinished = (unfinished + chunk).split(b"\n")
            yield from lines
        if unfinished:
            yield unfinished
        while self._process.poll() is None:
            meanwhile()
            time.sleep(LOOK_EVERY_S)

    @property
    def exit_code(self) -> int | None:
        """Return what it ended with; below 0 it is a signal's number."""
        return self._process.poll()


@contextmanager
def running(
    command: Sequence[str], *, folder: Path, stderr: Path, environment: Mapping[str, str], grace_s: float
) -> Iterator[ChildProcess]:
    """Run a command in `folder`, in a process group of its own; at the end of the block it is gone, with its heirs."""
    ours = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    with stderr.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - a command of ours, with numbers and paths of ours
            [sys.executable, "-m", "workers.leash", str(os.getpid()), *command],
            cwd=folder,
            env={**ours, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            process_group=0,
        )
    try:
        yield ChildProcess(process)
    finally:
        _end(process, grace_s)


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    if process.poll() is None:
        process.terminate()
        give_up_at = time.monotonic() + grace_s
        while process.poll() is None and time.monotonic() < give_up_at:
            time.sleep(0.02)
    with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
