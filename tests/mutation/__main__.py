"""`python -m tests.mutation`: break kernels in small ways, and see whether the tests notice; exit code 1 if too few."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.trial import Family, in_fork, prepare, run_tests, survives

WANTED_FRAC: Final = 0.85
LONGEST_TEST_S: Final = 1.0
BASELINE_WITHIN_S: Final = 3_600.0

_UNIT: Final = "tests/unit/strategy_engine"
FAMILIES: Final = {
    family.name: family
    for family in (
        Family(
            "simulation",
            ("strategy_engine.simulate", "strategy_engine.simulation"),
            (f"{_UNIT}/simulation", f"{_UNIT}/test_simulate.py", f"{_UNIT}/test_backtest.py"),
        ),
        Family("indicators", ("strategy_engine.indicators",), (f"{_UNIT}/indicators",)),
    )
}


@dataclass
class Found:
    """What became of the mutants of one module."""

    killed: int = 0
    survivors: list[Mutant] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return self.killed + len(self.survivors)


def main() -> int:
    options = _options()
    family = FAMILIES[options.family]
    prepare(family)
    seconds = _baseline(family, options.longest_s)
    total_s = sum(seconds.values())
    print(f"{len(seconds)} tests of the {family.name} take {total_s:.1f} s in plain Python", flush=True)
    chosen = _chosen(family, options)
    found: dict[str, Found] = {}
    for module, mutant in chosen:
        outcome = found.setdefault(module, Found())
        tests = _nearest_first(module, list(seconds))
        if survives(module, mutant.source, tests, within_s=10 * total_s + 30):
            outcome.survivors.append(mutant)
            print(f"  lives: {module}:{mutant.line}: {mutant.change}", flush=True)
        else:
            outcome.killed += 1
    print(table(found))
    killed = sum(one.killed for one in found.values())
    return 0 if killed >= WANTED_FRAC * len(chosen) else 1


def table(found: dict[str, Found]) -> str:
    """Return how many mutants of each module were noticed, as a table in Markdown."""
    lines = ["| module | mutants | killed | share |", "|---|--:|--:|--:|"]
    for module, one in sorted(found.items()):
        lines.append(f"| `{module}` | {one.tried} | {one.killed} | {one.killed / one.tried:.0%} |")
    tried, killed = (sum(getattr(one, name) for one in found.values()) for name in ("tried", "killed"))
    return "\n".join([*lines, f"| all | {tried} | {killed} | {killed / max(tried, 1):.1%} |"])


def _baseline(family: Family, longest_s: float) -> dict[str, float]:
    """Return the tests that pass in plain Python, and the seconds each takes; those that take long are left out."""

    def work(descriptor: int) -> None:
        timed = run_tests(family.tests, stop_at_first=False)
        passed = {test: took for test, took in timed.seconds.items() if test not in timed.failed}
        os.write(descriptor, json.dumps([passed, timed.failed]).encode())

    passed, failed = json.loads(in_fork(work, BASELINE_WITHIN_S))
    if failed:
        print(f"left out, since they do not pass in plain Python: {len(failed)} tests", *failed, sep="\n  ")
    return {test: took for test, took in passed.items() if took <= longest_s}


def _chosen(family: Family, options: argparse.Namespace) -> Sequence[tuple[str, Mutant]]:
    every = [
        (module, mutant)
        for module, path in _sources(family)
        if options.only is None or module.endswith(options.only)
        for mutant in mutants_of(path.read_text())
    ]
    if options.at_most is not None and len(every) > options.at_most:
        every = random.Random(options.seed).sample(every, options.at_most)
    counts = Counter(module for module, _ in every)
    print(f"{len(every)} mutants in {len(counts)} modules", flush=True)
    return sorted(every, key=lambda pair: (pair[0], pair[1].line))


def _sources(family: Family) -> Sequence[tuple[str, Path]]:
    found = []
    for name in family.modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ValueError(f"there is no module {name}")
        origin = Path(spec.origin)
        is_package = origin.name == "__init__.py"
        paths = sorted(origin.parent.glob("*.py")) if is_package else [origin]
        found += [(f"{name}.{path.stem}" if is_package else name, path) for path in paths]
    return found


def _nearest_first(module: str, tests: list[str]) -> list[str]:
    own = f"test_{module.rpartition('.')[2]}.py"
    return sorted(tests, key=lambda test: own not in test)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--family", choices=sorted(FAMILIES), default="simulation", help="which kernels")
    parser.add_argument("--only", metavar="MODULE", help="the end of a module's name")
    parser.add_argument("--at-most", type=int, metavar="N", help="a sample of so many mutants")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--longest-s", type=float, default=LONGEST_TEST_S, help="leave out tests that take longer")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
