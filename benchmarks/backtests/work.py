"""The work that every system does, and what it answers. Needs numpy alone: peers import it elsewhere, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

FAST, SLOW = 10, 30
CASH = 1e9  # so much that fees leave enough for whole units until the last bar
FEES = {2_520: 0.001, 100_000: 0.001, 1_000_000: 0.0002}  # by the number of bars
TRADE_COLUMNS = ("entry_bar", "exit_bar", "size", "entry_price", "exit_price")


@dataclass(frozen=True)
class Work:
    """Prices of shape (n,), one a day, and the commission as a fraction of the traded value."""

    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    fee: float

    @property
    def time(self) -> np.ndarray:
        """Return minutes from 1970 on, in nanoseconds: a million days would leave pandas' calendar."""
        return np.arange(self.close.size, dtype=np.int64) * 60_000_000_000


@dataclass(frozen=True)
class Outcome:
    """The closed trades, one value each, and the equity at the last close."""

    entry_bar: np.ndarray
    exit_bar: np.ndarray
    size: np.ndarray
    entry_price: np.ndarray
    exit_price: np.ndarray
    final_equity: float

    def save(self, path: Path) -> None:
        columns = {name: getattr(self, name) for name in TRADE_COLUMNS}
        np.savez(path, final_equity=self.final_equity, **columns)

    @classmethod
    def load(cls, path: Path) -> Outcome:
        with np.load(path) as saved:
            return cls(*(saved[name] for name in TRADE_COLUMNS), float(saved["final_equity"]))


class System(Protocol):
    """A module of `systems`."""

    def prepared(self, work: Work) -> Callable[[], object]: ...

    def outcome(self, result: object, work: Work) -> Outcome: ...


def save_prices(path: Path, count: int) -> None:
    """Write a seeded random walk from 100; each bar opens where the last one closed."""
    random = np.random.default_rng(7)
    close = 100.0 * np.exp(random.normal(0.0, 0.002, count).cumsum())
    open_ = np.concatenate(([100.0], close[:-1]))
    np.savez(path, open=open_, high=np.maximum(open_, close), low=np.minimum(open_, close), close=close)


def load_work(folder: Path, count: int) -> Work:
    with np.load(folder / f"prices-{count}.npz") as saved:
        return Work(*(saved[name] for name in ("open", "high", "low", "close")), FEES[count])
