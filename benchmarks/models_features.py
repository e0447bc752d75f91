"""Times features, drift and labels on made-up bars: whole series for training, the newest rows for a job."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import numpy as np

from market_data.bars import Bars
from suggestion_engine.drift import WINDOW_ROWS, calibrate_drift, check_drift
from suggestion_engine.feature_registry import FEATURES, WARMUP_BARS
from suggestion_engine.features import latest_features, raw_features, with_ranks
from suggestion_engine.labels import triple_barrier
from suggestion_engine.reference import build_reference

N_SERIES: Final = 12
N_SERIES_BARS: Final = 8_000
N_SYMBOLS: Final = 500
N_TAIL_BARS: Final = 300
N_RUNS: Final = 3
DAY_NS: Final = 86_400 * 10**9


def main() -> None:
    series = [_random_walk(seed, N_SERIES_BARS) for seed in range(N_SERIES)]
    tails = [_random_walk(seed, N_TAIL_BARS) for seed in range(N_SYMBOLS)]
    longer = [_random_walk(seed, WARMUP_BARS + WINDOW_ROWS) for seed in range(N_SYMBOLS)]
    rows = [raw_features(bars)[WARMUP_BARS:] for bars in series]
    windows = [one[end - WINDOW_ROWS : end] for one in rows for end in range(WINDOW_ROWS, len(one), 150)]
    healthy = calibrate_drift(build_reference(np.concatenate(rows), seed=0), windows)
    batch = np.concatenate(rows)[:N_SYMBOLS]

    def check_all() -> None:
        for window in windows[:N_SYMBOLS]:
            check_drift(healthy.reference, window, window[-1], healthy.thresholds)

    print(f"{len(FEATURES)} features; the best of {N_RUNS} runs, processor time of one thread")
    share = 309 / N_SERIES
    _report(f"raw_features, 309 series of {N_SERIES_BARS} bars", lambda: _each(raw_features, series), share)
    _report("triple_barrier, the same", lambda: _each(triple_barrier, series), share)
    _report(f"latest_features, {N_SYMBOLS} tails of {N_TAIL_BARS} bars", lambda: _each(latest_features, tails))
    _report(f"newest {WINDOW_ROWS} rows of {N_SYMBOLS} symbols", lambda: _each(_window, longer))
    _report(f"with_ranks, {N_SYMBOLS} rows", lambda: with_ranks(batch, healthy.reference))
    _report(f"check_drift, {len(windows[:N_SYMBOLS])} symbols", check_all)


def _report(what: str, run: Callable[[], object], factor: float = 1.0) -> None:
    print(f"  {what:42s} {_best_s(run) * factor:8.3f} s")


def _window(bars: Bars) -> object:
    return latest_features(bars, WINDOW_ROWS)


def _each(compute: Callable[[Bars], object], all_bars: list[Bars]) -> None:
    for bars in all_bars:
        compute(bars)


def _best_s(run: Callable[[], object]) -> float:
    times_s = []
    for _ in range(N_RUNS):
        start_s = time.process_time()
        run()
        times_s.append(time.process_time() - start_s)
    return min(times_s)


def _random_walk(seed: int, n: int) -> Bars:
    rng = np.random.default_rng(seed)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))
    opens = closes * np.exp(rng.normal(0, 0.008, n))
    return Bars.from_arrays(
        symbol=f"WALK{seed}",
        timeframe="1d",
        time=np.arange(n) * DAY_NS,
        open=opens,
        high=np.maximum(opens, closes) * np.exp(np.abs(rng.normal(0, 0.005, n))),
        low=np.minimum(opens, closes) * np.exp(-np.abs(rng.normal(0, 0.005, n))),
        close=closes,
        volume=np.exp(rng.normal(12, 0.5, n)),
    )


if __name__ == "__main__":
    main()
