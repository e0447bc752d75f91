"""The table of what was measured: one line a figure, product beside reference, and their ratio."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("celery", "fastapi", "psycopg", "redis", "sqlalchemy", "starlette", "uvicorn", "uvloop", "websockets")
HEADINGS = ("measure", "unit", "product", "reference", "ratio", "wanted")


@dataclass(frozen=True)
class Line:
    """One figure. `reference` None: there is nothing to compare with."""

    measure: str
    unit: str
    product: float | str
    reference: float | None = None
    wanted: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        told = self.product if isinstance(self.product, str) else figure(self.product)
        beside = "" if self.reference is None else figure(self.reference)
        return self.measure, self.unit, told, beside, self._ratio, self.wanted

    @property
    def _ratio(self) -> str:
        if self.reference is None or isinstance(self.product, str) or not self.reference:
            return ""
        ratio = self.product / self.reference
        return f"{ratio:.2f}x" if math.isfinite(ratio) else ""


@dataclass(frozen=True)
class Part:
    """What one measure found: lines of the table, and what must be said beside them."""

    lines: Sequence[Line]
    notes: Sequence[str] = field(default=())


def text_table(lines: Sequence[Line]) -> str:
    rows = [HEADINGS, *(line.cells for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(_aligned(row, widths) for row in rows)


def markdown_table(lines: Sequence[Line]) -> str:
    rows = [HEADINGS, ("---", "---", "--:", "--:", "--:", "---"), *(line.cells for line in lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def figure(value: float) -> str:
    """Return a value as the tables show it: three digits, and no more after the point than two."""
    if not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Return what the figures were taken on, in a line."""
    memory_gb = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory_gb:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}; {versions}"
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    left = {0, 1, 5}
    cells = (
        cell.ljust(width) if at in left else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.machine()
