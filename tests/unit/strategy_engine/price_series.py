"""Price series for the tests of the strategy engine: by hand, by seed, and by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from market_data.bars import Bars
from strategy_engine import AnyStrategy, BuyAndHold, RsiReversion, SmaCross

DAY_NS = 86_400 * 1_000_000_000


def bars_of(closes: Sequence[float], opens: Sequence[float] | None = None, *, timeframe: str = "1d") -> Bars:
    """Return bars with these closes and opens (by default: each opens where the last one closed)."""
    close = np.asarray(closes, dtype=np.float64)
    open_ = np.concatenate((close[:1], close[:-1])) if opens is None else np.asarray(opens, dtype=np.float64)
    return Bars.from_arrays(
        symbol="TEST",
        timeframe=timeframe,
        time=np.arange(len(close)) * DAY_NS,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=np.ones(len(close)),
    )


def series(symbol: str, closes: Sequence[float], *, first: int = 0, skip: int | None = None) -> Bars:
    """Return bars of a symbol with these closes, a day apart from day `first` on; on day `skip` there is none."""
    bars = bars_of(closes)
    day = first + np.arange(len(bars))
    if skip is not None:
        day = np.where(day >= skip, day + 1, day)
    return Bars.trusted(
        symbol=symbol,
        timeframe="1d",
        time=day * DAY_NS,
        open=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
    )


def random_bars(count: int, *, seed: int, decimals: int | None = None, step_frac: float = 0.02) -> Bars:
    """Return a random walk from 100, rounded to `decimals` if given: then averages tie, as in cents."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0.0, step_frac, count).cumsum())
    open_ = close * np.exp(random.normal(0.0, step_frac / 3.0, count))
    if decimals is not None:
        close, open_ = (np.maximum(prices.round(decimals), 10.0**-decimals) for prices in (close, open_))
    return bars_of(close, open_)


def wicked_bars(count: int, *, seed: int, decimals: int | None = None) -> Bars:
    """Return a random walk whose highs and lows go beyond opens and closes, and whose volume varies."""
    random = np.random.default_rng(seed)
    body = random_bars(count, seed=seed, decimals=decimals)
    above, below = (1.0 + np.abs(random.normal(0.0, 0.01, count)) for _ in range(2))
    high, low = body.high * above, body.low / below
    if decimals is not None:
        high, low = np.maximum(high.round(decimals), body.high), np.minimum(low.round(decimals), body.low)
    return Bars.from_arrays(
        symbol="TEST",
        timeframe="1d",
        time=body.time,
        open=body.open,
        high=high,
        low=np.maximum(low, body.low / 2.0),
        close=body.close,
        volume=random.integers(1, 1_000, count).astype(np.float64),
    )


def all_bars(min_size: int = 2, max_size: int = 160) -> st.SearchStrategy[Bars]:
    return st.builds(
        random_bars,
        st.integers(min_size, max_size),
        seed=st.integers(0, 2**32 - 1),
        decimals=st.sampled_from([None, 2, 0]),
        step_frac=st.sampled_from([0.0, 0.005, 0.05]),
    )


def all_strategies() -> st.SearchStrategy[AnyStrategy]:
    crosses = st.tuples(st.integers(2, 12), st.integers(1, 20)).map(
        lambda pair: SmaCross(fast=pair[0], slow=pair[0] + pair[1])
    )
    reversions = st.builds(
        RsiReversion,
        period=st.integers(2, 10),
        oversold=st.floats(5.0, 49.0),
        exit_above=st.floats(50.0, 80.0),
    )
    return st.one_of(crosses, reversions, st.just(BuyAndHold()))
