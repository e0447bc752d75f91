"""A worker loads the engines of its queues, and no others."""

import subprocess
import sys

import pytest

from backend.core.jobs.registry import JOB_TYPES
from workers.handlers import HANDLERS, MERGES

HEAVY = ("numba", "talib", "pandas", "onnxruntime", "lightgbm", "tokenizers")


def test_every_job_type_has_a_handler_and_every_merge_step_is_of_one() -> None:
    assert set(HANDLERS) == set(JOB_TYPES)
    assert set(MERGES) <= set(JOB_TYPES)
    assert all(callable(registry[job_type]) for registry in (HANDLERS, MERGES) for job_type in registry)


@pytest.mark.parametrize(
    ("queues", "absent"),
    [(["probe"], set(HEAVY)), (["pattern_scan"], {"pandas", "onnxruntime", "lightgbm", "tokenizers"})],
)
def test_a_worker_loads_what_its_queues_need(queues: list[str], absent: set[str]) -> None:
    program = f"import sys; from workers.warm import warm; warm({queues}); print(*({HEAVY} & sys.modules.keys()))"
    program = program.replace(str(HEAVY), str(set(HEAVY)))
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not absent & set(told.stdout.split())


def test_the_first_backtest_of_a_warm_worker_compiles_and_loads_nothing() -> None:
    program = (
        "from numba.core.event import install_recorder\n"
        "from workers.warm import warm\n"
        "warm(['backtest'])\n"
        "from market_data.kernel_cache import KernelCache\n"
        "KernelCache.load_overload = lambda *_: None  # what would be loaded now is compiled, and counted\n"
        "from market_data.providers.sample import SampleProvider\n"
        "from typing import get_args\n"
        "from strategy_engine import run\n"
        "from strategy_engine.strategies import SignalStrategy\n"
        "bars = SampleProvider().fetch('AAPL', '1d')\n"
        "with install_recorder('numba:compile') as working:\n"
        "    for strategy in get_args(SignalStrategy):\n"
        "        if strategy.kind != 'opening_range':  # not of days\n"
        "            run(bars, strategy()).equity_curve()\n"
        "print(len(working.buffer))\n"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert told.stdout == "0\n"
