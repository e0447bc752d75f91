"""Makes the first backtest as fast as the second."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, get_args

import numpy as np

from market_data.bars import Bars
from market_data.timeframe import step_ns
from strategy_engine.backtest import run
from strategy_engine.strategies import SignalStrategy, UniverseStrategy

_BARS: Final = 8


def warm() -> None:
    """Load every kernel, compiling what is not cached, and run each strategy once over made-up bars.

    For a process that will fork workers, or an image build. Where compiled code is kept: `market_data.kernel_cache`.
    """
    prices = np.linspace(10.0, 11.0, _BARS)
    bars = Bars.from_arrays(
        symbol="WARM",
        timeframe="1h",
        time=np.arange(_BARS) * step_ns("1h"),
        open=prices,
        high=prices,
        low=prices,
        close=prices,
        volume=np.zeros(_BARS),
    )
    for strategy in get_args(SignalStrategy):
        report = run(bars, strategy())
        report.equity_curve()
    report.drawdowns()
    report.by_regime()
    report.risk_of_ruin(seed=0, paths=1)
    for strategy in get_args(UniverseStrategy):
        run([bars, replace(bars, symbol="WARMER")], strategy())
