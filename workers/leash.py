"""Become another program that ends when the worker does, and gives way to the worker's other work.

python -m workers.leash PARENT_PID PROGRAM ARGUMENT...
"""

import os
import sys
from collections.abc import Sequence

from backend.core.processes import die_with_parent

NICENESS = 10


def main(arguments: Sequence[str]) -> None:
    parent_pid, *program = arguments
    die_with_parent(int(parent_pid))
    os.nice(NICENESS)
    os.execv(program[0], program)  # noqa: S606 - to become the program, with no shell between, is the point


if __name__ == "__main__":
    main(sys.argv[1:])
