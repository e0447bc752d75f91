from strategy_engine import indicators, run, simulate, summaries, warm
from strategy_engine.strategies import STRATEGIES
from tests.unit.strategy_engine.price_series import random_bars

KERNELS = [
    kernel
    for module in (indicators, simulate, summaries)
    for kernel in vars(module).values()
    if hasattr(kernel, "py_func")
]


def test_after_warming_up_no_backtest_compiles_anything():
    warm()
    compiled = {kernel.__name__: list(kernel.signatures) for kernel in KERNELS}
    for strategy in STRATEGIES.values():
        run(random_bars(100, seed=1), strategy())
    assert {kernel.__name__: list(kernel.signatures) for kernel in KERNELS} == compiled
    assert all(len(signatures) == 1 for signatures in compiled.values())
