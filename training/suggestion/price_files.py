"""Daily bars by symbol, from Parquet files or made up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final, Self

import numpy as np
import pandas as pd

from market_data.bars import PRICE_COLUMNS, VALUE_COLUMNS, Bars
from model_files.manifest import sha256_of
from training.errors import DataRefused

_SYNTHETIC_START: Final = "2009-01-01"
_SYNTHETIC_END: Final = "2017-11-10"
_SYNTHETIC_DAILY_VOL: Final = 0.02


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """Where bars came from: file names and one hash over their content; `is_synthetic` bars were made up."""

    names: tuple[str, ...]
    sha256: str
    is_synthetic: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceTable:
    """Bars by symbol, sorted, and how many rows of the files were no bars."""

    source: DataSource
    bars: tuple[Bars, ...]
    n_dropped: int

    @property
    def first_day(self) -> date:
        return min(one.time_utc(0).date() for one in self.bars)

    @property
    def last_day(self) -> date:
        return max(one.time_utc(-1).date() for one in self.bars)

    def since(self, first: date) -> Self:
        """Return the bars from that day on; symbols that have none are left out."""
        first_ns = int(np.datetime64(first, "ns").astype(np.int64))
        cut = (one[int(np.searchsorted(one.time, first_ns)) :] for one in self.bars)
        return replace(self, bars=tuple(one for one in cut if len(one) > 0))


def read_prices(paths: Sequence[Path], *, max_symbols: int | None) -> PriceTable:
    """Return the bars of Parquet files with columns symbol, date (without one: time) and OHLCV.

    A row that is no bar (price missing or not above 0, volume missing, below 0 or infinite, high or low inside the
    body, a date twice) is dropped and counted. Of a symbol in several files the first file's bars are taken.
    `max_symbols` takes the first by name.
    """
    frames = [_read(path) for path in paths]
    frame = pd.concat([one[~one["symbol"].isin(_symbols_of(frames[:i]))] for i, one in enumerate(frames)])
    if max_symbols is not None:
        frame = frame[frame["symbol"].isin(sorted(set(frame["symbol"]))[:max_symbols])]
    kept = _valid(frame)
    digest = hashlib.sha256("\n".join(sha256_of(path) for path in paths).encode()).hexdigest()
    source = DataSource(names=tuple(path.name for path in paths), sha256=digest, is_synthetic=False)
    return PriceTable(source=source, bars=tuple(_bars_by_symbol(kept)), n_dropped=len(frame) - len(kept))


def made_up_prices(n_symbols: int, *, seed: int) -> PriceTable:
    """Return random walks with a common market part: bars to try the pipeline on, with nothing in them to learn."""
    days = pd.bdate_range(_SYNTHETIC_START, _SYNTHETIC_END).to_numpy().astype("datetime64[ns]").view(np.int64)
    chance = np.random.default_rng(seed)
    market = chance.normal(0.0002, _SYNTHETIC_DAILY_VOL / 2, len(days))
    bars = tuple(_random_walk(f"SYN{i:02d}", days, market, chance) for i in range(n_symbols))
    digest = hashlib.sha256("\n".join(one.fingerprint() for one in bars).encode()).hexdigest()
    return PriceTable(
        source=DataSource(names=("made-up random walks",), sha256=digest, is_synthetic=True), bars=bars, n_dropped=0
    )


def _random_walk(symbol: str, days: np.ndarray, market: np.ndarray, chance: np.random.Generator) -> Bars:
    n = len(days)
    close = 50 * np.exp(np.cumsum(market + chance.normal(0, _SYNTHETIC_DAILY_VOL, n)))
    opened = np.concatenate(([close[0]], close[:-1])) * np.exp(chance.normal(0, 0.004, n))
    reach = np.abs(chance.normal(0, 0.008, (2, n)))
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=days,
        open=opened,
        high=np.maximum(opened, close) * np.exp(reach[0]),
        low=np.minimum(opened, close) * np.exp(-reach[1]),
        close=close,
        volume=np.exp(chance.normal(13, 0.4, n)).round(),
    )


def _read(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataRefused(f"{path} must be a Parquet file that can be read: {error}") from error
    if "date" not in frame.columns:
        frame = frame.rename(columns={"time": "date"})
    missing = [name for name in ("symbol", "date", *VALUE_COLUMNS) if name not in frame.columns]
    if missing:
        raise DataRefused(f"{path} must have the columns symbol, date, {', '.join(VALUE_COLUMNS)}; it lacks {missing}")
    days = pd.to_datetime(frame["date"], utc=True).dt.tz_localize(None).dt.normalize()
    return frame[["symbol", *VALUE_COLUMNS]].assign(date=days)


def _symbols_of(frames: Sequence[pd.DataFrame]) -> set[str]:
    return {symbol for frame in frames for symbol in frame["symbol"].unique()}


def _valid(frame: pd.DataFrame) -> pd.DataFrame:
    prices = frame[list(PRICE_COLUMNS)]
    body = frame[["open", "close"]]
    is_bar = (prices > 0).all(axis=1) & (prices < np.inf).all(axis=1)
    is_bar &= (frame["volume"] >= 0) & (frame["volume"] < np.inf)
    is_bar &= (frame["low"] <= body.min(axis=1)) & (frame["high"] >= body.max(axis=1))
    return frame[is_bar].drop_duplicates(["symbol", "date"])


def _bars_by_symbol(frame: pd.DataFrame) -> Iterator[Bars]:
    if frame.empty:
        raise DataRefused("training needs daily bars, the files held none")
    for symbol, rows in frame.sort_values(["symbol", "date"]).groupby("symbol"):
        yield Bars.from_arrays(
            symbol=str(symbol),
            timeframe="1d",
            time=rows["date"].to_numpy().astype("datetime64[ns]"),
            **{name: rows[name].to_numpy(dtype=np.float64) for name in VALUE_COLUMNS},
        )
