"""Returns by calendar month and by year."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market_data.bars import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MonthlyReturns:
    """Columns of shape (months,), in order; months without a bar are left out.

    year, month: calendar, of the UTC opens of the bars. return_frac: the last equity of the month over the last before
    it, or over the initial cash, - 1; NaN after a month that left nothing. bars: how many the month has.
    """

    year: IntArray
    month: IntArray
    return_frac: FloatArray
    bars: IntArray

    def __len__(self) -> int:
        return len(self.year)

    def columns(self) -> dict[str, NDArray[Any]]:  # Any: one type a column
        """Return every column by its name, in order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def monthly_returns(time: IntArray, equity: FloatArray, cash: float) -> MonthlyReturns:
    """Return the table: time (int64 ns UTC, increasing) and equity of shape (n,), n >= 1; cash before bar 0."""
    months = time.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
    first, last = runs_of(months)
    return MonthlyReturns(
        year=months[first] // 12 + 1970,
        month=months[first] % 12 + 1,
        return_frac=returns_between(equity[last], cash),
        bars=last - first + 1,
    )


def years_of(time: IntArray) -> IntArray:
    """Return each bar's calendar year, by its UTC open."""
    return time.astype("datetime64[ns]").astype("datetime64[Y]").astype(np.int64) + 1970


def runs_of(labels: IntArray) -> tuple[IntArray, IntArray]:
    """Return the first and the last place of each run of equal labels: shape (n,), n >= 1."""
    changes = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    return np.concatenate(([0], changes)), np.concatenate((changes - 1, [len(labels) - 1]))


def returns_between(values: FloatArray, before: float) -> FloatArray:
    """Return each value over the one before it - 1; NaN over nothing."""
    earlier = np.concatenate(([before], values[:-1]))
    ratios: FloatArray = np.divide(values, earlier, out=np.full(len(values), np.nan), where=earlier > 0.0)
    return ratios - 1.0
