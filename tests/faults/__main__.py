"""`python -m tests.faults --seeds 20 --jobs 2000`: many runs, one after the other; exit code 1 if any failed."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.injections import FAULTS
from tests.faults.report import Report, around_table, machine, table, write_into
from tests.faults.run import run

JOBS_A_FAULT = 40


def main() -> int:
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="aitrader-faults-"))
    faults = options.faults or max(len(FAULTS), options.jobs // JOBS_A_FAULT)
    print(f"{options.seeds} seeds, {options.jobs} jobs and {faults} faults each, on {machine()}", flush=True)
    reports: list[Report] = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        home = folder / f"seed-{seed}"
        home.mkdir()
        report = run(seed, jobs=options.jobs, faults=faults, folder=home, on_fault=_say if options.verbose else _hush)
        reports.append(report)
        print(f"\n{table(reports)}" if len(reports) == 1 else table(reports).splitlines()[-1], flush=True)
        if options.write is not None:  # now, so that a run that is broken off is not lost
            write_into(options.write, reports)
        if report.violations:
            print("\n".join(f"  seed {seed}, {violation}" for violation in report.violations))
            print(f"  the logs of all processes are in {home}", flush=True)
        else:
            shutil.rmtree(home)
    if any(report.violations for report in reports):
        return 1
    shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many runs")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2_000, help="jobs in each run")
    parser.add_argument("--faults", type=int, help=f"faults in each run; one in {JOBS_A_FAULT} jobs by default")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page, between its marks")
    parser.add_argument("--verbose", action="store_true", help="tell of each fault")
    options = parser.parse_args()
    if options.write is not None:
        try:
            around_table(options.write)  # now, and not after hours
        except (OSError, ValueError) as error:
            parser.error(str(error))
    return options


def _say(fault: str, ended: int) -> None:
    print(f"  {ended} jobs ended: {fault}", flush=True)


def _hush(fault: str, ended: int) -> None: ...


if __name__ == "__main__":
    sys.exit(main())
