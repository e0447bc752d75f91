"""What runs came to, as a table for the terminal or for `docs/faults.md`."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.invariants import Violation

BEGIN, END = "<!-- runs: begin -->", "<!-- runs: end -->"
HEADINGS = (
    "seed",
    "jobs",
    "faults",
    "lost",
    "double effects",
    "stale writes",
    "rescues",
    "p99 of rescues",
    "updates heard",
    "resumes",
    "violations",
    "took",
)


@dataclass(frozen=True)
class Report:
    seed: int
    jobs: int
    faults: int
    took_s: float
    rescues: int
    rescue_p99_s: float
    stall_s: float
    updates: int
    resumes: int
    violations: Sequence[Violation]

    def count(self, invariant: str) -> int:
        return sum(1 for violation in self.violations if violation.invariant == invariant)

    def cells(self) -> tuple[str, ...]:
        return (
            str(self.seed),
            f"{self.jobs:,}",
            str(self.faults),
            str(self.count("I1")),
            str(self.count("I2")),
            str(self.count("I3")),
            str(self.rescues),
            f"{self.rescue_p99_s:.1f} s",
            f"{self.updates:,}",
            str(self.resumes),
            str(len(self.violations)),
            f"{self.took_s:.0f} s",
        )


def table(reports: Sequence[Report]) -> str:
    """Return a table in Markdown, aligned, so that it can be read in a terminal as well."""
    rows = [HEADINGS, *(report.cells() for report in reports)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"


def around_table(page: Path) -> tuple[str, str]:
    """Return what stands before and after the marks of a page; ValueError where it has none."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} must have the lines {BEGIN} and {END}, for the table to stand between")
    return before, after


def write_into(page: Path, reports: Sequence[Report]) -> None:
    """Put the table between the marks of a page."""
    before, after = around_table(page)
    told = f"Measured on {machine()}:\n\n{table(reports)}"
    page.write_text(f"{before}{BEGIN}\n{told}\n{END}{after}")
