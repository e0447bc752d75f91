"""Measures the job system beside the reference and prints the table: `python -m benchmarks.jobs [--quick]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.jobs import fairness, fanout, growth, latency, throughput
from benchmarks.jobs.systems import Naive, Product, naive_on, product_on, stop_on_sigterm
from benchmarks.jobs.table import Line, Part, machine, markdown_table, text_table
from tests.platform import Servers, running_servers

PARTS = ("throughput", "fanout", "fairness", "growth")


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long and how often is measured."""

    rounds: int
    seconds: float
    samples: int
    clients: int
    bursts: int
    paced_s: float
    flood: int
    singles: int
    sizes: tuple[int, ...]


FULL = Effort(
    rounds=5,
    seconds=5,
    samples=150,
    clients=1_000,
    bursts=10,
    paced_s=10,
    flood=10_000,
    singles=20,
    sizes=(1_000, 100_000, 1_000_000),
)
QUICK = Effort(
    rounds=2, seconds=2, samples=80, clients=300, bursts=4, paced_s=4, flood=2_000, singles=8, sizes=(1_000, 100_000)
)


@dataclass
class Report:
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plans: dict[int, str] = field(default_factory=dict)

    def add(self, part: Part) -> None:
        self.lines += part.lines
        self.notes += part.notes
        print(text_table(part.lines), *part.notes, "", sep="\n", flush=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about two minutes instead of ten")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    parser.add_argument("--markdown", type=Path, help="write the table for docs/benchmarks.md into this file")
    options = parser.parse_args(arguments)
    stop_on_sigterm()
    effort = QUICK if options.quick else FULL
    start, load_before = time.perf_counter(), psutil.getloadavg()[0]
    report = Report()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as temporary, running_servers(Path(temporary) / "servers") as servers:
        for name in options.only or PARTS:
            print(f"\n== {name}", flush=True)
            MEASURES[name](report, servers, Path(temporary), effort)
    report.notes.append(
        f"Took {(time.perf_counter() - start) / 60:.1f} minutes; the load average before was {load_before:.1f}."
    )
    print("\n" + text_table(report.lines), *report.notes, sep="\n")
    if options.markdown is not None:
        options.markdown.write_text(_document(report))
    return 0


def _throughput(report: Report, servers: Servers, folder: Path, effort: Effort) -> None:
    with ExitStack() as stack:
        product: Product = stack.enter_context(product_on(servers, folder, 1))
        naive: Naive = stack.enter_context(naive_on(servers, folder, 2))
        systems = (naive, product)
        for system in systems:
            system.start_api()
        report.add(throughput.posts_idle(systems, rounds=effort.rounds, seconds=effort.seconds / 2))
        for system in systems:
            throughput.forget_jobs(system)
            system.start_workers()
        report.add(latency.measure(systems, rounds=effort.rounds, samples=effort.samples))
        part, _, theirs = throughput.end_to_end(systems, rounds=effort.rounds, seconds=effort.seconds)
        report.add(part)
        report.add(throughput.batches(product, rounds=effort.rounds, reference_jobs_per_s=theirs))


def _fanout(report: Report, servers: Servers, folder: Path, effort: Effort) -> None:
    found = fanout.measure(servers, folder, clients=effort.clients, rounds=effort.bursts, paced_s=effort.paced_s)
    report.add(fanout.part_of(*found, clients=effort.clients))


def _fairness(report: Report, servers: Servers, folder: Path, effort: Effort) -> None:
    report.add(fairness.measure(servers, folder, flood=effort.flood, singles=effort.singles))


def _growth(report: Report, servers: Servers, folder: Path, effort: Effort) -> None:
    del folder
    part, plans = growth.measure(servers, sizes=effort.sizes)
    report.add(part)
    report.plans = plans


MEASURES: dict[str, Callable[[Report, Servers, Path, Effort], None]] = {
    "throughput": _throughput,
    "fanout": _fanout,
    "fairness": _fairness,
    "growth": _growth,
}


def _document(report: Report) -> str:
    plans = [f"A claim at {size:,} rows:\n\n```\n{plan}\n```" for size, plan in report.plans.items()]
    notes = [f"- {note}" for note in report.notes]
    return "\n\n".join([f"{machine()}.", markdown_table(report.lines), "\n".join(notes), *plans]) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
