"""Backtests beside the peers that need no installing, in seconds."""

import tempfile
from pathlib import Path

from benchmarks.backtests.crew import crew_in
from benchmarks.backtests.engines import times
from benchmarks.backtests.table import text_table


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        crew = crew_in(Path(temporary), backtrader=None)
        for size in (2_520, 100_000):
            rows, notes = times(crew, size, rounds=3)
            print(text_table(rows), *notes, sep="\n")


if __name__ == "__main__":
    main()
