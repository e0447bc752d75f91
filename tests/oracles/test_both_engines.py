"""Thousands of trades, one by one: backtesting.py 0.6, vectorbt 1.2 and this engine agree on each.

D1 is long with signal exits, D2 always in the market, D3 to D5 long with a stop, a stop and a target, a trailing
stop, D6 to D8 the same short. Prices are random, and real where the oracles ship them.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from market_data.bars import Bars
from market_data.providers.sample import SampleProvider
from tests.oracles.engines import FIRST, Case, backtesting_py, ours, vectorbt_trades

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from backtesting.test import EURUSD, GOOG

PROTECTED = {
    "D3": {"stop": 0.03},
    "D4": {"stop": 0.03, "target": 0.05},
    "D5": {"trail": 0.04},
    "D6": {"stop": 0.03, "side": -1},
    "D7": {"stop": 0.03, "target": 0.05, "side": -1},
    "D8": {"trail": 0.04, "side": -1},
}
SEEDS = range(8)
REAL = ["GOOG", "EURUSD", "AAPL"]


def prices(name: str | int) -> Bars:
    if name == "AAPL":
        return SampleProvider().fetch("AAPL", "1d")
    if isinstance(name, int):
        return random_bars(name)
    frame = GOOG if name == "GOOG" else EURUSD
    timeframe = "1d" if name == "GOOG" else "1h"
    # Some of their bars close outside of their own range by a rounding.
    high, low = frame[["Open", "High", "Close"]].max(axis=1), frame[["Open", "Low", "Close"]].min(axis=1)
    return Bars.from_pandas(frame.assign(High=high, Low=low), symbol=name, timeframe=timeframe)


def random_bars(seed: int, count: int = 1_000) -> Bars:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(random.normal(0.0, 0.02, count).cumsum())
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(random.normal(0.0, 0.005, count))
    spread = np.abs(random.normal(0.0, 0.01, (2, count)))
    return Bars.from_arrays(
        symbol="RANDOM",
        timeframe="1d",
        time=np.arange(count) * 86_400_000_000_000,
        open=open_,
        high=np.maximum(open_, close) * (1.0 + spread[0]),
        low=np.minimum(open_, close) * (1.0 - spread[1]),
        close=close,
        volume=np.ones(count),
    )


def crossings(bars: Bars, fast: int = 10, slow: int = FIRST) -> tuple[np.ndarray, np.ndarray]:
    close = pd.Series(np.asarray(bars.close))
    above = (close.rolling(fast).mean() > close.rolling(slow).mean()).to_numpy()
    up, down = np.zeros(len(bars), np.bool_), np.zeros(len(bars), np.bool_)
    up[1:], down[1:] = above[1:] & ~above[:-1], ~above[1:] & above[:-1]
    up[:FIRST] = down[:FIRST] = False
    return up, down


def at_random(bars: Bars, seed: int, often: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    entries, exits = random.random(len(bars)) < often, random.random(len(bars)) < often
    entries[:FIRST] = exits[:FIRST] = False
    return entries & ~exits, exits & ~entries


def assert_same(bars: Bars, case: Case) -> int:
    """Assert that all three agree: bars exactly, prices and pnl to the rounding of their formulas; return how often."""
    theirs, others = backtesting_py(bars, case), vectorbt_trades(bars, case)
    pd.testing.assert_frame_equal(others, theirs, check_exact=False, rtol=1e-9, atol=1e-6)
    for profile in ("vectorbt", "backtesting_py") if case.stop == case.trail == 0.0 else ("vectorbt",):
        mine = ours(bars, case, profile=profile)
        pd.testing.assert_frame_equal(mine, theirs, check_dtype=False, check_exact=False, rtol=1e-9, atol=1e-6)
        assert mine["entry_bar"].tolist() == theirs["entry_bar"].tolist()
        assert mine["exit_bar"].tolist() == theirs["exit_bar"].tolist()
    return len(theirs)


@pytest.mark.parametrize("fee", [0.0, 0.001])
def test_d1_long_with_signal_exits(fee):
    trades = 0
    for name in [*SEEDS, *REAL]:
        bars = prices(name)
        entries, exits = at_random(bars, 1) if isinstance(name, int) else crossings(bars)
        trades += assert_same(bars, Case(entries, exits, fee=fee))
    assert trades > 800


def test_d2_always_in_the_market():
    trades = 0
    for name in [*SEEDS, *REAL]:
        bars = prices(name)
        entries, exits = crossings(bars)
        trades += assert_same(bars, Case(entries, exits, is_reversing=True, fee=0.001))
    assert trades > 400


@pytest.mark.parametrize("test", PROTECTED)
def test_d3_to_d8_left_by_stop_target_or_trailing_stop(test):
    trades = 0
    for name in [*SEEDS, *REAL]:
        bars = prices(name)
        entries, _ = at_random(bars, 2, 0.3)
        never = np.zeros(len(bars), np.bool_)
        trades += assert_same(bars, Case(entries, never, fee=0.001, **PROTECTED[test]))
    assert trades > (50 if test in {"D3", "D6"} else 200)
