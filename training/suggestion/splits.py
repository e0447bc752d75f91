"""Walk-forward folds: train, then calibrate, then test, with nothing that a label saw on both sides of a border.

    |<--- up to `train_years` --->| purge + embargo |<- a year ->| purge + embargo |<- the test slice ->|
               train                                 calibration                          test

A row stands for a decision on its date; its label looks ahead until `label_end`. A row is purged where that end
comes within `embargo_days` of the next slice, whatever its symbol: rows of one date share the market's moves.
Source: Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from market_data.bars import BoolArray, IntArray
from training.errors import DataRefused

Days = NDArray[np.datetime64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fold:
    """One test slice and what its model may see; the arrays are row numbers, by date."""

    train: IntArray
    calibration: IntArray
    test: IntArray
    train_from: date
    calibration_from: date
    test_from: date
    test_before: date

    @property
    def name(self) -> str:
        return f"{self.test_from:%Y}"


def walk_forward(
    days: Days,
    label_ends: Days,
    *,
    first_test_year: int,
    hold_out_year: int,
    train_years: int,
    embargo_days: int,
) -> tuple[Fold, ...]:
    """Return the folds, one a test year, the last from `hold_out_year` to the end of the rows.

    days, label_ends: shape (n,), the date of each decision and the last date that its label saw.
    Raises DataRefused when a slice of a fold would be empty.
    """
    borders = [*range(first_test_year, hold_out_year + 1), int(str(days.max())[:4]) + 1]
    return tuple(
        _fold(days, label_ends, start, end, train_years=train_years, embargo_days=embargo_days)
        for start, end in itertools.pairwise(borders)
    )


def _fold(  # the slice's years; the rest as in `walk_forward`
    days: Days, label_ends: Days, start: int, end: int, *, train_years: int, embargo_days: int
) -> Fold:
    train_from, calibration_from = date(start - 1 - train_years, 1, 1), date(start - 1, 1, 1)
    test_from, test_before = date(start, 1, 1), date(end, 1, 1)

    def slice_of(first: date, before: date, *, is_purged: bool) -> IntArray:
        inside: BoolArray = (days >= np.datetime64(first)) & (days < np.datetime64(before))
        if is_purged:
            inside &= label_ends < np.datetime64(before) - np.timedelta64(embargo_days, "D")
        if not inside.any():
            raise DataRefused(f"a fold needs rows from {first} to {before}, there were none")
        return np.flatnonzero(inside)

    return Fold(
        train=slice_of(train_from, calibration_from, is_purged=True),
        calibration=slice_of(calibration_from, test_from, is_purged=True),
        test=slice_of(test_from, test_before, is_purged=False),
        train_from=train_from,
        calibration_from=calibration_from,
        test_from=test_from,
        test_before=test_before,
    )
