from typing import get_args

from strategy_engine import indicators, run, simulate, summaries, warm
from strategy_engine.strategies import STRATEGIES, SignalStrategy
from tests.unit.strategy_engine.price_series import random_bars
from tests.unit.strategy_engine.strategies.any_strategy import bars_for, told, universe_bars

KERNELS = [
    kernel
    for module in (indicators, simulate, summaries)
    for kernel in vars(module).values()
    if hasattr(kernel, "py_func")
]


def test_after_warming_up_no_backtest_compiles_anything():
    warm()
    compiled = {kernel.__name__: list(kernel.signatures) for kernel in KERNELS}
    run(random_bars(100, seed=1), STRATEGIES["sma_cross"]())
    for kind, strategy in STRATEGIES.items():
        is_of_one = strategy in get_args(SignalStrategy)
        told(strategy(), bars_for(kind, 100, 1) if is_of_one else universe_bars(100, 1))
    assert {kernel.__name__: list(kernel.signatures) for kernel in KERNELS} == compiled
    assert all(len(signatures) == 1 for signatures in compiled.values())
