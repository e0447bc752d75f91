"""Rows to learn from: features, labels and what the market paid, for every fifth date of a common calendar.

1. Features of every bar of every symbol (`Dataset.raw`), so that sequences and drift levels can be taken from them.
2. One row for each symbol on each date of the grid, where its features are warm and its label is complete.
3. Rows are sorted by date, then symbol; those of the held-out symbols stand apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Final, Self

import numpy as np

from market_data.bars import Bars, BoolArray, FloatArray, IntArray
from market_data.timeframe import NS_PER_DAY
from suggestion_engine.features import RAW_FEATURES, WARMUP_BARS, raw_features
from suggestion_engine.labels import forward_return, triple_barrier
from training.errors import DataRefused
from training.progress import Progress
from training.suggestion.members.member import Float32Array
from training.suggestion.options import SuggestionOptions, is_held_out
from training.suggestion.price_files import DataSource, PriceTable, made_up_prices, read_prices
from training.suggestion.splits import Days

HORIZON_BARS: Final = 10
_WARMUP_DAYS: Final = 450  # calendar days that hold WARMUP_BARS sessions and a margin
_MOMENTUM: Final = (252, 21)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Columns of shape (n,), one entry a decision.

    places: its bar in `Dataset.raw`; labels: 0 lower barrier first, 1 none, 2 upper first; label_ends: the last date
    that any of its outcomes saw; is_tie: one bar touched both barriers, which made the label 0;
    barrier_frac, barrier_atr: return from entry to barrier, as a fraction and in ATR;
    forward_frac: next open to close of the horizon's last bar; hold_frac: next open to the open after the horizon.
    """

    places: IntArray
    symbols: IntArray
    days: Days
    label_ends: Days
    labels: IntArray
    is_tie: BoolArray
    barrier_frac: FloatArray
    barrier_atr: FloatArray
    forward_frac: FloatArray
    hold_frac: FloatArray
    momentum_frac: FloatArray

    def __len__(self) -> int:
        return len(self.places)

    def at(self, which: np.ndarray) -> Self:
        """Return the rows at these numbers or of this mask."""
        return replace(self, **{one.name: getattr(self, one.name)[which] for one in fields(self)})


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Rows of the symbols that training may see, rows of those held out, and the features of all bars."""

    source: DataSource
    symbols: tuple[str, ...]
    raw: Float32Array
    rows: Rows
    held_out: Rows
    n_bars: int
    n_dropped: int
    first_day: date
    last_day: date


def prices_for(options: SuggestionOptions) -> PriceTable:
    """Return the bars that the options name, made-up ones when they name none."""
    if not options.data:
        return made_up_prices(options.synthetic_symbols, seed=options.seed)
    return read_prices(options.data, max_symbols=options.max_symbols)


def build_dataset(prices: PriceTable, options: SuggestionOptions, progress: Progress) -> Dataset:
    """Return the rows that settled options need of these bars; DataRefused when there are none."""
    first_test_year, _ = options.test_years
    train_from = date(first_test_year - 1 - options.train_years, 1, 1)
    table = prices.since(date.fromordinal(train_from.toordinal() - _WARMUP_DAYS))
    grid = common_grid(table.bars, step=options.row_step_bars)
    raws: list[Float32Array] = []
    parts: list[Rows] = []
    start = 0
    for number, bars in enumerate(table.bars):
        progress(number / len(table.bars), "features")
        raws.append(raw_features(bars).astype(np.float32))
        parts.append(_rows_of(bars, grid, symbol=number, start=start))
        start += len(bars)
    rows = Rows(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Rows)})
    rows = rows.at(np.lexsort((rows.symbols, rows.days)))
    held_out = [number for number, bars in enumerate(table.bars) if is_held_out(bars.symbol)]
    stands_apart = np.isin(rows.symbols, held_out)
    if stands_apart.all():
        raise DataRefused(
            f"training needs symbols with more than {WARMUP_BARS + HORIZON_BARS} daily bars that are not held out, "
            f"of {len(table.bars)} there were none"
        )
    return Dataset(
        source=table.source,
        symbols=tuple(bars.symbol for bars in table.bars),
        raw=np.concatenate(raws) if raws else np.empty((0, len(RAW_FEATURES)), dtype=np.float32),
        rows=rows.at(~stands_apart),
        held_out=rows.at(stands_apart),
        n_bars=start,
        n_dropped=table.n_dropped,
        first_day=table.first_day,
        last_day=table.last_day,
    )


def common_grid(bars: tuple[Bars, ...], *, step: int) -> IntArray:
    """Return every `step`-th date, as bar times, of all dates on which any symbol traded.

    Symbols thus share their decision dates; holidays move the grid through the days of the week.
    """
    return np.unique(np.concatenate([one.time for one in bars]))[::step]


def _rows_of(bars: Bars, grid: IntArray, *, symbol: int, start: int) -> Rows:
    barrier = triple_barrier(bars, horizon_bars=HORIZON_BARS)
    i = np.flatnonzero(np.isin(bars.time, grid))
    # The open after the horizon belongs to the row too, so its outcomes all end at bar i + horizon + 1.
    i = i[(i >= WARMUP_BARS) & (i + HORIZON_BARS + 1 < len(bars))]
    i = i[barrier.is_known[i]]
    back, skip = _MOMENTUM
    return Rows(
        places=i + start,
        symbols=np.full(len(i), symbol, dtype=np.int64),
        days=_days(bars.time[i]),
        label_ends=_days(bars.time[i + HORIZON_BARS + 1]),
        labels=barrier.outcome[i].astype(np.int64) + 1,
        is_tie=barrier.is_tie[i],
        barrier_frac=barrier.return_frac[i],
        barrier_atr=barrier.return_atr[i],
        forward_frac=forward_return(bars, HORIZON_BARS)[i],
        hold_frac=bars.open[i + HORIZON_BARS + 1] / bars.open[i + 1] - 1,
        momentum_frac=bars.close[i - skip] / bars.close[i - back] - 1,
    )


def _days(times_ns: IntArray) -> Days:
    return (times_ns // NS_PER_DAY).astype("datetime64[D]")
