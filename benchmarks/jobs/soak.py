"""Measure (h): minutes at half the peak rate. Tables, indexes and every process must stop growing.

python -m benchmarks.jobs.soak MINUTES
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import psutil
import psycopg

from benchmarks.jobs import load
from benchmarks.jobs.systems import NO_OP, Product, drain, now_of, pids_of, product_on, stop_on_sigterm, succeeded_of
from benchmarks.jobs.table import machine
from tests.platform import Servers, running_servers

PEAK_SECONDS = 10.0
SAMPLES = 20
KEPT_FRAC = 0.15
"""How long finished jobs are kept, of the whole soak: pruning must be at work for most of it."""
GROWTH_ALLOWED = 1.15
"""The last quarter beside the quarter before it."""
SIZES = """
SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid), s.n_live_tup, s.n_dead_tup
FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relname IN ('jobs', 'job_attempts', 'job_lanes', 'job_outbox', 'probe_effects') ORDER BY 1
"""


@dataclass(frozen=True)
class Sample:
    """How large everything is at one moment. `memory_mb` is each process's proportional share."""

    minute: float
    table_mb: Mapping[str, float]
    index_mb: Mapping[str, float]
    live_rows: Mapping[str, int]
    dead_rows: Mapping[str, int]
    memory_mb: Mapping[str, float]


def measure(servers: Servers, folder: Path, *, minutes: float) -> bool:
    """Print the samples of one soak; return whether everything was bounded."""
    kept_days = minutes * KEPT_FRAC / 1_440
    with product_on(servers, folder, 6, JOBS__RETENTION_DAYS=str(kept_days)) as product:
        product.start_api()
        product.start_workers()
        rate = peak_per_s(product) / 2
        print(
            f"{rate:,.0f} jobs a second for {minutes:g} minutes; finished jobs are kept {kept_days * 1_440:.1f} minutes"
        )
        plan = load.Plan(
            product.url, "/jobs", NO_OP, dict(product.headers), 64, minutes * 60, int(rate * minutes * 60) + 64, rate
        )
        process = load.begin(plan)
        samples = list(_samples(product, minutes))
        posted = load.result_of(process)
    print(f"{posted.requests:,} jobs posted, answers {dict(posted.statuses)}, p99 {posted.p99_ms:.1f} ms")
    print_samples(samples)
    return print_verdict(samples)


def peak_per_s(product: Product) -> float:
    before, start_s = succeeded_of(product), now_of(product.database_url)
    posted = load.run(load.Plan(product.url, "/jobs", NO_OP, dict(product.headers), seconds=PEAK_SECONDS))
    return posted.requests / (drain(product, before, posted.requests) - start_s)


def _samples(product: Product, minutes: float) -> Sequence[Sample]:
    start = time.perf_counter()
    found = []
    for number in range(SAMPLES + 1):
        time.sleep(max(0.0, start + number * minutes * 60 / SAMPLES - time.perf_counter()))
        found.append(sample(product, (time.perf_counter() - start) / 60))
    return found


def sample(product: Product, minute: float) -> Sample:
    with psycopg.connect(product.database_url) as connection:
        rows = connection.execute(SIZES).fetchall()
    return Sample(
        minute,
        {name: table / 1e6 for name, table, *_ in rows},
        {name: index / 1e6 for name, _, index, *_ in rows},
        {name: live for name, _, _, live, _ in rows},
        {name: dead for name, *_, dead in rows},
        _memory_mb(product),
    )


def _memory_mb(product: Product) -> dict[str, float]:
    found: dict[str, float] = {}
    for pid in pids_of(product):
        process = psutil.Process(pid)
        for number, one in enumerate([process, *process.children(recursive=True)]):
            try:
                command = " ".join(one.cmdline()[1:4]).removeprefix("-m ").split(" ")[0]
                found[f"{command} #{number}"] = one.memory_full_info().pss / 1e6
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
    return found


def print_samples(samples: Sequence[Sample]) -> None:
    names = sorted(samples[0].table_mb)
    processes = sorted(samples[0].memory_mb)
    print("minute  " + "  ".join(f"{name}: table/index MB, live, dead" for name in names))
    for one in samples:
        cells = [
            f"{one.table_mb[n]:.1f}/{one.index_mb[n]:.1f}, {one.live_rows[n]:,}, {one.dead_rows[n]:,}" for n in names
        ]
        print(f"{one.minute:6.2f}  " + "  ".join(cells))
    print("\nminute  " + "  ".join(processes) + "   (PSS, MB)")
    for one in samples:
        print(f"{one.minute:6.2f}  " + "  ".join(f"{one.memory_mb.get(name, 0):.1f}" for name in processes))


def print_verdict(samples: Sequence[Sample]) -> bool:
    """Say of each series whether it still grows; return whether none does."""
    series = {f"table {n} MB": [s.table_mb[n] for s in samples] for n in samples[0].table_mb}
    series |= {f"indexes {n} MB": [s.index_mb[n] for s in samples] for n in samples[0].index_mb}
    series |= {f"{n} PSS MB": [s.memory_mb[n] for s in samples if n in s.memory_mb] for n in samples[-1].memory_mb}
    growing = []
    for name, values in series.items():
        quarter = max(1, len(values) // 4)
        earlier, last = mean(values[-2 * quarter : -quarter] or values), mean(values[-quarter:])
        is_bounded = last <= earlier * GROWTH_ALLOWED + 1.0
        print(f"{'bounded' if is_bounded else 'GROWS  '}  {name}: {earlier:.1f} -> {last:.1f}")
        if not is_bounded:
            growing.append(name)
    print("everything is bounded" if not growing else f"not bounded: {', '.join(growing)}")
    return not growing


def main() -> int:
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.jobs.soak", description=(__doc__ or "").splitlines()[0]
    )
    arguments.add_argument("minutes", nargs="?", type=float, default=10.0)
    minutes = arguments.parse_args().minutes
    stop_on_sigterm()
    print(machine())
    with tempfile.TemporaryDirectory() as temporary, running_servers(Path(temporary) / "servers") as servers:
        return 0 if measure(servers, Path(temporary), minutes=minutes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
