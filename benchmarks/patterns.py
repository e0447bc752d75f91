"""Times a scan of the newest bars of many symbols beside plain TA-Lib calls over whole series."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import talib

from market_data.bars import Bars
from pattern_engine import PATTERNS, scan

N_SYMBOLS: Final = 100
N_BARS: Final = 3000
LAST_BARS: Final = 5
N_RUNS: Final = 5
DAY_NS: Final = 86_400 * 10**9


def main() -> None:
    all_bars = [_random_walk(seed) for seed in range(N_SYMBOLS)]
    n_found = _scan_newest(all_bars)
    if n_found != _plain_talib(all_bars):
        raise AssertionError("the scan and plain TA-Lib disagree: a comparison of times would mean nothing")
    scan_s = _median_s(lambda: _scan_newest(all_bars))
    plain_s = _median_s(lambda: _plain_talib(all_bars))
    print(f"{len(PATTERNS)} patterns, newest {LAST_BARS} of {N_BARS} bars, {N_SYMBOLS} symbols: {n_found} found")
    print(f"  pattern_engine.scan(last_bars={LAST_BARS})   {scan_s * 1e3:8.1f} ms   (median of {N_RUNS})")
    print(f"  {len(PATTERNS)} TA-Lib calls, whole series    {plain_s * 1e3:8.1f} ms")
    print(f"  ratio                            {plain_s / scan_s:8.1f} x")


def _scan_newest(all_bars: list[Bars]) -> int:
    return sum(len(scan(bars, last_bars=LAST_BARS)) for bars in all_bars)


def _plain_talib(all_bars: list[Bars]) -> int:
    functions = [getattr(talib, spec.talib_function) for spec in PATTERNS.values()]
    return sum(
        int(np.count_nonzero(function(bars.open, bars.high, bars.low, bars.close)[-LAST_BARS:]))
        for bars in all_bars
        for function in functions
    )


def _median_s(run: Callable[[], int]) -> float:
    times_s = []
    for _ in range(N_RUNS):
        start_s = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - start_s)
    return statistics.median(times_s)


def _random_walk(seed: int) -> Bars:
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, N_BARS)))
    opens = closes * np.exp(rng.normal(0, 0.008, N_BARS))
    return Bars.from_arrays(
        symbol=f"WALK{seed}",
        timeframe="1d",
        time=np.arange(N_BARS) * DAY_NS,
        open=opens,
        high=np.maximum(opens, closes) * np.exp(np.abs(rng.normal(0, 0.005, N_BARS))),
        low=np.minimum(opens, closes) * np.exp(-np.abs(rng.normal(0, 0.005, N_BARS))),
        close=closes,
        volume=np.zeros(N_BARS),
    )


if __name__ == "__main__":
    main()
