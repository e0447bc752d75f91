"""Measures backtests beside peers and a C loop and prints the table: `python -m benchmarks.backtests [--quick]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psutil

from benchmarks.backtests import engines, jobs
from benchmarks.backtests.crew import crew_in
from benchmarks.backtests.peers import BACKTRADER, backtrader_folder
from benchmarks.backtests.table import Row, markdown_table, text_table
from benchmarks.backtests.work import FEES
from benchmarks.jobs.table import machine
from strategy_engine import warm

PARTS = ("engines", "start-up", "jobs")
PACKAGES = ("numba", "numpy", "pandas", "backtesting", "vectorbt")
MINUTE_LONG = frozenset({"backtrader_plain"})  # at the largest size


@dataclass
class Report:
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, rows: Sequence[Row], notes: Sequence[str] = ()) -> None:
        self.rows += rows
        self.notes += notes
        print(text_table(rows), *notes, "", sep="\n", flush=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtests", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds; backtrader without the largest size")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    parser.add_argument("--markdown", type=Path, help="write the table for docs/benchmarks.md into this file")
    options = parser.parse_args(arguments)
    rounds = 2 if options.quick else 7
    start, load_before = time.perf_counter(), psutil.getloadavg()[0]
    parts, report, told = options.only or PARTS, Report(), machine_told()
    print(told, flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        if parts != ["jobs"]:
            _beside_peers(report, Path(temporary), parts, rounds=rounds, is_quick=options.quick)
        if "jobs" in parts:
            report.add(jobs.measure(rounds=rounds, samples=20 * rounds))
    minutes = (time.perf_counter() - start) / 60
    report.notes.append(f"Took {minutes:.1f} minutes; the load average before was {load_before:.1f}.")
    print(text_table(report.rows), *report.notes, sep="\n")
    if options.markdown is not None:
        notes = "\n".join(f"- {note}" for note in report.notes)
        options.markdown.write_text(f"{told}.\n\n{markdown_table(report.rows)}\n\n{notes}\n")
    return 1 if any(note.startswith("DIFFERS") for note in report.notes) else 0


def machine_told() -> str:
    packages = [name for name in PACKAGES if find_spec(name) is not None]
    return f"{machine(packages)}, {BACKTRADER.replace('==', ' ')}"


def _beside_peers(report: Report, folder: Path, parts: Sequence[str], *, rounds: int, is_quick: bool) -> None:
    warm()
    crew = crew_in(folder, backtrader_folder())
    report.notes += crew.missing
    if "engines" in parts:
        for size in FEES:
            without = MINUTE_LONG if is_quick and size == max(FEES) else frozenset()
            report.add(*engines.times(crew, size, rounds=rounds, without=without))
    if "start-up" in parts:
        report.add(engines.start_up(crew, rounds=rounds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
