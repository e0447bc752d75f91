"""The table of backtests: ours in the first column, then each peer and how many times ours that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.jobs.table import figure

PEERS = {
    "c": "C loop",
    "backtesting_py": "backtesting.py",
    "vectorbt_plain": "vectorbt",
    "vectorbt_stats": "vectorbt, stats",
    "backtrader_plain": "backtrader",
}
HEADINGS = ("measure", "unit", "AITrader", *PEERS.values(), "wanted")


@dataclass(frozen=True)
class Row:
    """One measure. peers: what each peer took, by its name in PEERS; who is not there was not measured."""

    measure: str
    unit: str
    ours: float
    peers: Mapping[str, float] = field(default_factory=dict)
    wanted: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.measure, self.unit, figure(self.ours), *map(self._beside, PEERS), self.wanted)

    def _beside(self, peer: str) -> str:
        value = self.peers.get(peer)
        return "" if value is None else f"{figure(value)} ({times(value / self.ours)})"


def times(ratio: float) -> str:
    """Return how many times: two digits and more, without what the noise of a clock would say."""
    if not math.isfinite(ratio):
        return "-"
    return f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.1f}x" if ratio >= 2 else f"{ratio:.2f}x"


def text_table(rows: Sequence[Row]) -> str:
    lines = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    last = len(HEADINGS) - 1
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in {0, 1, last} else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown_table(rows: Sequence[Row]) -> str:
    rule = ("---", "---", *["--:"] * (1 + len(PEERS)), "---")
    return "\n".join(f"| {' | '.join(line)} |" for line in (HEADINGS, rule, *(row.cells for row in rows)))
