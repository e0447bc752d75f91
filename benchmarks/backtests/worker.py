"""A process of one system, told line by line what to do: `time BARS SECONDS`, `outcome BARS FILE`, `peak`."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import cast

from benchmarks.backtests.work import System, load_work

MOST_RUNS = 500


def main(name: str, folder: Path) -> None:
    system = cast("System", import_module(f"benchmarks.backtests.systems.{name}"))
    prepared: dict[int, Callable[[], object]] = {}

    def run_of(count: int) -> Callable[[], object]:
        if count not in prepared:
            prepared[count] = system.prepared(load_work(folder, count))
        return prepared[count]

    for line in sys.stdin:
        match line.split():
            case ["time", bars, seconds]:
                answer: object = median_s(run_of(int(bars)), float(seconds))
            case ["first", bars]:
                run_of(int(bars))()
                answer = None
            case ["outcome", bars, path]:
                result = run_of(int(bars))()
                system.outcome(result, load_work(folder, int(bars))).save(Path(path))
                answer = None
            case ["peak"]:
                answer = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            case other:
                raise ValueError(f"expected time, first, outcome or peak, it was {other}")
        print(json.dumps(answer), flush=True)


def median_s(work: Callable[[], object], seconds: float) -> float:
    """Return the median time of runs for about `seconds`, one at least."""
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    while not times or (time.perf_counter() < deadline and len(times) < MOST_RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
