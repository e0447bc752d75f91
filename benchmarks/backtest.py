"""Times one backtest in this engine and in backtesting.py, in the same process and over the same prices."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from market_data.bars import Bars
from strategy_engine import Costs, SmaCross, run, warm

SIZES = (2_520, 100_000)  # ten years of daily bars; a year and more of minutes
OUR_RUNS = 101
THEIR_RUNS = 3
FAST, SLOW, FEE = 10, 30, 0.001


def main() -> None:
    warm()
    print(f"SMA {FAST}/{SLOW}, all cash, next open, {FEE:.1%} fee; median of {OUR_RUNS} and {THEIR_RUNS} runs")
    print(f"{'bars':>9}{'trades':>9}{'AITrader':>14}{'per bar':>11}{'backtesting.py':>18}{'ratio':>9}")
    for size in SIZES:
        bars = random_walk(size)
        costs = Costs(commission_rate=FEE)
        ours_s = median_s(
            lambda bars=bars, costs=costs: run(bars, SmaCross(fast=FAST, slow=SLOW), costs=costs), OUR_RUNS
        )
        theirs_s = median_s(peer_backtest(bars), THEIR_RUNS)
        trades = len(run(bars, SmaCross(fast=FAST, slow=SLOW), costs=costs).trades)
        print(
            f"{size:>9,}{trades:>9,}{ours_s * 1e6:>11,.0f} us{ours_s / size * 1e9:>8.1f} ns"
            f"{theirs_s * 1e6:>15,.0f} us{theirs_s / ours_s:>8,.0f}x"
        )


def peer_backtest(bars: Bars) -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from backtesting import Backtest, Strategy  # noqa: PLC0415 -- an optional peer: AGPL, never a dependency

    class Cross(Strategy):
        def init(self) -> None:
            self.fast = self.I(rolling_mean, self.data.Close, FAST)
            self.slow = self.I(rolling_mean, self.data.Close, SLOW)

        def next(self) -> None:
            if self.fast[-2] <= self.slow[-2] and self.fast[-1] > self.slow[-1]:
                self.buy()
            elif self.fast[-2] >= self.slow[-2] and self.fast[-1] < self.slow[-1]:
                self.position.close()

    frame = bars.to_pandas().rename(columns=str.title).tz_localize(None)

    def backtest() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of what is no fault here: an open trade, spent cash
            return Backtest(frame, Cross, cash=10_000.0, commission=FEE).run()

    return backtest


def rolling_mean(values: np.ndarray, period: int) -> pd.Series:
    return pd.Series(values).rolling(period).mean()


def median_s(work: Callable[[], object], runs: int) -> float:
    def once_s() -> float:
        start_s = time.perf_counter()
        work()
        return time.perf_counter() - start_s

    once_s()
    return statistics.median(once_s() for _ in range(runs))


def random_walk(count: int) -> Bars:
    """Return a seeded random walk of `count` daily bars from 100."""
    random = np.random.default_rng(7)
    close = 100.0 * np.exp(random.normal(0.0, 0.004, count).cumsum())
    open_ = np.concatenate(([100.0], close[:-1]))
    return Bars.from_arrays(
        symbol="WALK",
        timeframe="1d",
        time=np.arange(count) * 86_400_000_000_000,
        open=open_,
        high=np.maximum(open_, close),
        low=np.minimum(open_, close),
        close=close,
        volume=np.ones(count),
    )


if __name__ == "__main__":
    main()
