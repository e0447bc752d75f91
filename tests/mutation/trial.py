"""Runs tests in a fork of this process, with one module's source exchanged and its family not compiled.

Forks, because importing pytest, numpy and the compiled rest once is most of a short test's time.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from market_data import kernels
from tests.mutation.mutants import KERNEL_DECORATORS

_EXAMPLES: Final = 8
_KILLED: Final = 1


@dataclass(frozen=True)
class Family:
    """Modules whose kernels call each other, and so run in plain Python together; and the tests of them."""

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    def has(self, module: str) -> bool:
        return any(module == one or module.startswith(f"{one}.") for one in self.modules)


@dataclass
class Timed:
    """Notes how long each test took and whether it passed: a pytest plugin."""

    seconds: dict[str, float]
    failed: list[str]

    def pytest_runtest_logreport(self, report: Any) -> None:  # Any: pytest's own
        if report.when == "call":
            self.seconds[report.nodeid] = report.duration
        if report.failed:
            self.failed.append(report.nodeid)


def prepare(family: Family) -> None:
    """Leave this family's kernels as the Python that they are, in this process and its forks."""
    settings.register_profile(
        "mutants",
        max_examples=_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    for name in KERNEL_DECORATORS:
        setattr(kernels, name, _plain_for(family, getattr(kernels, name)))


def run_tests(tests: Sequence[str], *, stop_at_first: bool) -> Timed:
    """Run tests in this process and return what they said."""
    timed = Timed({}, [])
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:schemathesis", "--no-header", "--tb=no"]
    options += ["--hypothesis-profile=mutants", "-o", "addopts="]
    options += ["-W", "ignore::RuntimeWarning", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        pytest.main([*options, *(["-x"] if stop_at_first else []), *tests], plugins=[timed])
    return timed


def survives(module: str, source: str, tests: Sequence[str], *, within_s: float) -> bool:
    """Tell whether all tests pass with this source in the module's place; one that never ends does not."""
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        try:
            sys.meta_path.insert(0, _Exchanged(module, source))
            os._exit(_KILLED if run_tests(tests, stop_at_first=True).failed else 0)
        except BaseException:  # noqa: BLE001 - a source that cannot be imported is noticed, too
            os._exit(_KILLED)
    return _status_of(pid, within_s) == 0


def in_fork(work: Callable[[int], None], within_s: float) -> bytes:
    """Return what `work` writes into the file descriptor it is given, in a fork that leaves nothing behind."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        work(writing)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    if _status_of(pid, within_s) != 0:
        raise RuntimeError("the tests could not be run on the sources as they are")
    return told


def _status_of(pid: int, within_s: float) -> int:
    """Return how a child of ours ended; it is killed when its time is over."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def _plain_for(family: Family, decorator: Any) -> Any:  # Any: decorators with and without arguments
    def plain(*arguments: Any) -> Any:  # Any: the same
        if len(arguments) == 1 and callable(arguments[0]):
            function = arguments[0]
            return function if family.has(function.__module__) else decorator(function)
        return lambda function: function if family.has(function.__module__) else decorator(*arguments)(function)

    return plain


class _Exchanged(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another source."""

    def __init__(self, module: str, source: str) -> None:
        self._module = module
        self._source = source

    def find_spec(self, name: str, *_: object) -> Any:  # Any: the protocol's own
        return importlib.util.spec_from_loader(name, self) if name == self._module else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, f"<mutant of {self._module}>", "exec"), vars(module))
