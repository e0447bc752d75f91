"""Real daily prices of five large US companies, 2000 to 2013, from the package `bokeh-sampledata`.

They need no network, never change, and were real once: what examples, tests and a first run are made of. The
package took them from Quandl's WIKI prices; its own licence files name the terms.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np

from market_data.bars import Bars, FloatArray
from market_data.errors import NoBars, UnknownSymbol
from market_data.providers.adjust import widened
from market_data.timeframe import Timeframe

SYMBOLS: Final = ("AAPL", "FB", "GOOG", "IBM", "MSFT")

# The splits that the adjusted closes know of: first session after the split, new shares for an old one.
SPLITS: Final[Mapping[str, tuple[tuple[date, float], ...]]] = {
    "AAPL": ((date(2000, 6, 21), 2.0), (date(2005, 2, 28), 2.0), (date(2014, 6, 9), 7.0)),
    "FB": (),
    "GOOG": ((date(2014, 4, 3), 2.0),),
    "IBM": (),
    "MSFT": ((date(2003, 2, 18), 2.0),),
}

_NUMBERS: Final = ("Open", "High", "Low", "Close", "Volume", "Adj Close")


class SampleProvider:
    """Serves SYMBOLS at 1d.

    Prices are adjusted for splits and dividends: raw price * (adjusted close / raw close). Volume is adjusted
    for splits only, as vendors do: raw shares * the splits still to come. A dividend changes what a share is
    worth, not how many there are.
    """

    name: Final = "sample"
    is_live: Final = False

    def fetch(self, symbol: str, timeframe: Timeframe) -> Bars:
        if symbol not in SYMBOLS:
            raise UnknownSymbol(f"the sample prices are of {', '.join(SYMBOLS)}, asked for {symbol!r}")
        if timeframe != "1d":
            raise NoBars(f"the sample prices of {symbol} are 1d only, asked for {timeframe}")
        return _all_bars()[symbol]


@cache
def _all_bars() -> Mapping[str, Bars]:
    rows: dict[str, list[dict[str, str]]] = {symbol: [] for symbol in SYMBOLS}
    # The package's own loader would import pandas; the file beside it is plain.
    packed = files("bokeh_sampledata").joinpath("_data", "stocks.csv.gz").read_bytes()
    for row in csv.DictReader(gzip.decompress(packed).decode().splitlines()):
        rows[row["Ticker"]].append(row)
    return {symbol: _bars(symbol, rows[symbol]) for symbol in SYMBOLS}


def _bars(symbol: str, rows: list[dict[str, str]]) -> Bars:
    days = np.array([row["Date"] for row in rows], dtype="datetime64[D]")
    raw = {name: np.array([float(row[name]) for row in rows]) for name in _NUMBERS}
    factor = raw["Adj Close"] / raw["Close"]
    opens, closes = raw["Open"] * factor, raw["Adj Close"]
    low, high = widened(open_=opens, high=raw["High"] * factor, low=raw["Low"] * factor, close=closes)
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=days,
        open=opens,
        high=high,
        low=low,
        close=closes,
        volume=raw["Volume"] * _shares_per_old_share(symbol, days),
    )


def _shares_per_old_share(symbol: str, days: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> FloatArray:
    shares = np.ones(len(days))
    for first_session_after, ratio in SPLITS[symbol]:
        # The file counts that session, too, in old shares: MSFT's 28,707,750 of 2003-02-18 is half of round
        # lots of 100, alone among its volumes.
        shares[days <= np.datetime64(first_session_after)] *= ratio
    return shares
