"""Become another program in the same process, unprivileged if asked, and bound to die with the supervisor.

    python -I -S launch.py --parent PID [--namespace UID:GID | --user UID:GID] -- PROGRAM ARGUMENT...

The kernel forgets PR_SET_PDEATHSIG at every change of credentials and does not hand it to children, so it can
be set only here: after the change, right before the program takes this process over. Standard library only,
one thread only (a process with threads may not enter a user namespace).
"""

import ctypes
import os
import signal
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
CANNOT_LAUNCH = 126  # what a shell answers when a command was found but cannot be run


def main(arguments: list[str]) -> None:
    split = arguments.index("--")
    options = dict(zip(arguments[:split:2], arguments[1:split:2], strict=True))
    program = arguments[split + 1 :]
    if "--namespace" in options:
        enter_user_namespace(*ids(options["--namespace"]))
    elif "--user" in options:
        become_user(*ids(options["--user"]))
    os.umask(0o077)
    die_with(int(options["--parent"]))
    os.execv(program[0], program)  # noqa: S606 -- to become the program, with no shell between, is the point


def enter_user_namespace(inside_uid: int, inside_gid: int) -> None:
    """Enter a namespace where this user has another number: root keeps its files but is root no more."""
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    check(libc().unshare(CLONE_NEWUSER), "unshare(CLONE_NEWUSER)")
    write("/proc/self/setgroups", "deny")  # the kernel demands it before an unprivileged gid_map
    write("/proc/self/uid_map", f"{inside_uid} {outside_uid} 1")
    write("/proc/self/gid_map", f"{inside_gid} {outside_gid} 1")


def become_user(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, however that ends."""
    if sys.platform == "linux":
        check(libc().prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # the supervisor died before the request was made
        sys.exit(CANNOT_LAUNCH)


def ids(text: str) -> tuple[int, int]:
    uid, gid = text.split(":")
    return int(uid), int(gid)


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def check(answer: int, call: str) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"cannot launch: {error}\n")
        sys.exit(CANNOT_LAUNCH)
