"""Decide as whom PostgreSQL runs: it refuses to run as root."""

import os
import pwd
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
NAMESPACE_ID = 1000  # any number but 0; seen only inside the namespace
FALLBACK_NOBODY = (65534, 65534)
PROBE_TIMEOUT_S = 20


class RunMode(StrEnum):
    """How a program is run, relative to the supervisor's own user."""

    DIRECT = "direct"  # as the same user
    USER_NAMESPACE = "user_namespace"  # as the same user, who is not root inside a namespace of its own
    OTHER_USER = "other_user"  # as nobody


def choose_run_mode(folder: Path, program: Path) -> RunMode:
    """Return how a program that refuses root can be run with its data in `folder`."""
    if os.geteuid() != 0:
        return RunMode.DIRECT
    if _namespace_works(folder, program):
        return RunMode.USER_NAMESPACE
    return RunMode.OTHER_USER


def launch_command(mode: RunMode, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command that becomes `argv` under that mode, and dies with this process."""
    match mode:
        case RunMode.DIRECT:
            options: tuple[str, ...] = ()
        case RunMode.USER_NAMESPACE:
            options = ("--namespace", f"{NAMESPACE_ID}:{NAMESPACE_ID}")
        case RunMode.OTHER_USER:
            options = ("--user", "{}:{}".format(*nobody()))
    parent = ("--parent", str(os.getpid()))
    return (sys.executable, "-I", "-S", str(LAUNCHER), *parent, *options, "--", *argv)


def nobody() -> tuple[int, int]:
    """Return the uid and gid of the user that owns nothing."""
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return FALLBACK_NOBODY
    return entry.pw_uid, entry.pw_gid


def _namespace_works(folder: Path, program: Path) -> bool:
    # Inside a namespace root has no power over other users' files: a folder in somebody's 0700 home is out of
    # reach. So the probe tries what will be needed: to write into the folder and to run the program.
    script = 'test -w "$1" && test -x "$1" && "$2" --version'
    argv = ("/bin/sh", "-c", script, "sh", str(folder), str(program))
    try:
        probe = subprocess.run(  # noqa: S603 -- our own launcher, with paths that we found
            launch_command(RunMode.USER_NAMESPACE, argv),
            capture_output=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
            cwd=folder,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return probe.returncode == 0
