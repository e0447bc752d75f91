"""The systems as processes of their own: who can run here, and how one is told what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.backtests.systems.c_code import LIBRARY, built_in
from benchmarks.backtests.work import Outcome

ROOT = Path(__file__).parents[2]
OURS = "aitrader"
IN_C = ("c_loop", "c_whole")
IN_VECTORBT = ("vectorbt_plain", "vectorbt_stats")
IN_BACKTRADER = ("backtrader_plain",)
STOP_WITHIN_S = 20


@dataclass
class Member:
    """One process of one system."""

    name: str
    process: subprocess.Popen[str]
    folder: Path

    def time_s(self, count: int, seconds: float) -> float:
        return float(str(self.ask("time", count, seconds)))

    def outcome(self, count: int) -> Outcome:
        path = self.folder / f"{self.name}-{count}.npz"
        self.ask("outcome", count, path)
        return Outcome.load(path)

    def ask(self, *words: object) -> object:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.name} ended at {' '.join(map(str, words))}; see above")
        return json.loads(answer)


@dataclass(frozen=True)
class Crew:
    """Which systems can run here, and why others cannot."""

    folder: Path
    names: Sequence[str]
    environment: dict[str, str]
    missing: Sequence[str]

    @contextmanager
    def member(self, name: str) -> Iterator[Member]:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.backtests.worker", name, str(self.folder)],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Member(name, process, self.folder)
        finally:
            process.communicate(timeout=STOP_WITHIN_S)

    def first_run(self, name: str, count: int) -> tuple[float, int]:
        """Return the seconds from a fresh process to its first result, and its peak of memory in bytes."""
        start = time.perf_counter()
        with self.member(name) as member:
            member.ask("first", count)
            return time.perf_counter() - start, int(str(member.ask("peak")))


def crew_in(folder: Path, backtrader: Path | None) -> Crew:
    """Return who can run, with the C code built into `folder`. backtrader: the folder to import it from."""
    library = built_in(folder)
    environment = os.environ | {"TQDM_DISABLE": "1"}
    names, missing = [OURS, "kernel", "backtesting_py"], []
    if library is None:
        missing.append("There is no C compiler here, so that the C loop's column is empty.")
    else:
        names += IN_C
        environment[LIBRARY] = str(library)
    if find_spec("vectorbt") is None:
        missing.append("vectorbt is not installed (`make setup-dev`), so that its columns are empty.")
    else:
        names += IN_VECTORBT
    if backtrader is None:
        missing.append("There is no backtrader here, so that its column is empty.")
    else:
        names += IN_BACKTRADER
        environment["PYTHONPATH"] = str(backtrader)
    return Crew(folder, names, environment, missing)
