"""Find and kill what a run of the stack left behind, wherever it went in the process tree.

Every child carries RUN_VARIABLE in its environment and hands it to its own children; so they are found even
when they left their process group or their session, and no other process is mistaken for one of them.

    python -I leftovers.py RUN_ID       (standard input: a pipe of which the supervisor holds the other end)

waits until the supervisor is gone, however it ended, and then kills what is left of its run. PR_SET_PDEATHSIG
ends the components, but their children (a pool's processes, say) do not inherit it, and macOS lacks it.
"""

import os
import sys
import time
from contextlib import suppress

import psutil

RUN_VARIABLE = "AITRADER_STACK_RUN"
COMPONENT_VARIABLE = "AITRADER_STACK_COMPONENT"
PATIENCE_S = 5.0
LOOK_AGAIN_S = 0.01


def main() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    kill_leftovers(sys.argv[1])


def kill_leftovers(run_id: str, component: str | None = None, *, patience_s: float = PATIENCE_S) -> list[int]:
    """Kill all processes of a run, or of one component of it; return the pids that would not go."""
    give_up_at = time.monotonic() + patience_s
    while True:
        found = leftovers(run_id, component)
        for process in found:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                process.kill()  # psutil compares start times first: a recycled pid is not hit
        if not found or time.monotonic() >= give_up_at:
            return [process.pid for process in found]
        time.sleep(LOOK_AGAIN_S)  # not psutil.wait_procs: that would reap children whose parent is the caller


def leftovers(run_id: str, component: str | None = None) -> list[psutil.Process]:
    """Return the live processes of a run, or of one component of it, except the caller."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and _belongs(process, run_id, component)
    ]


def _belongs(process: psutil.Process, run_id: str, component: str | None) -> bool:
    try:
        environ = process.environ()
        if environ.get(RUN_VARIABLE) != run_id or process.status() == psutil.STATUS_ZOMBIE:
            return False
    except (psutil.Error, OSError):  # ended meanwhile, a zombie, or somebody else's
        return False
    return component is None or environ.get(COMPONENT_VARIABLE) == component


if __name__ == "__main__":
    main()
