"""Bars for the tests of features, labels and drift: by seed, with all digits or in cents."""

from __future__ import annotations

import numpy as np

from market_data.bars import Bars

DAY_NS = 86_400 * 10**9
START_NS = int(np.datetime64("2015-01-05", "ns").astype(np.int64))


def random_bars(n, *, seed=0, in_cents=False, step_frac=0.02, symbol="TEST"):
    """Return a random walk of weekdays; in cents, many comparisons tie."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, step_frac, n)))
    open_ = close * np.exp(rng.normal(0.0, step_frac / 2, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0.0, step_frac / 2, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0.0, step_frac / 2, n)))
    if in_cents:
        open_, high, low, close = (np.maximum(one.round(2), 0.01) for one in (open_, high, low, close))
    return bars_of(open_, high, low, close, np.exp(rng.normal(12.0, 0.6, n)).round(), symbol=symbol)


def bars_of(open_, high, low, close, volume=None, *, symbol="TEST"):
    n = len(close)
    days = np.arange(n)
    return Bars.from_arrays(
        symbol=symbol,
        timeframe="1d",
        time=START_NS + (days // 5 * 7 + days % 5) * DAY_NS,
        open=np.asarray(open_, dtype=np.float64),
        high=np.asarray(high, dtype=np.float64),
        low=np.asarray(low, dtype=np.float64),
        close=np.asarray(close, dtype=np.float64),
        volume=np.ones(n) if volume is None else volume,
    )


def scaled(bars, price, volume):
    """Return the bars with prices times `price` and volumes times `volume`."""
    return Bars.from_arrays(
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        time=bars.time,
        open=bars.open * price,
        high=bars.high * price,
        low=bars.low * price,
        close=bars.close * price,
        volume=bars.volume * volume,
    )


def flat_bars(n, *, volume=1.0):
    """Return bars on which nothing ever moves."""
    prices = np.full(n, 10.1)
    return bars_of(prices, prices, prices, prices, np.full(n, volume))
