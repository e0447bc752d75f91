import subprocess
import sys

import pytest

import strategy_engine

LIGHT_IMPORT = """
import sys
import {module}
heavy = {{"numpy", "numba", "llvmlite", "pandas", "talib", "pyarrow", "pydantic"}} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.parametrize(
    "module",
    [
        "strategy_engine",
        "strategy_engine.strategies",
        "strategy_engine.account",
        "strategy_engine.costs",
        "strategy_engine.fill_rules",
        "strategy_engine.sizing",
        "strategy_engine.exits",
        "strategy_engine.entry_order",
    ],
)
def test_importing_parameters_loads_nothing_numerical(module):
    finished = subprocess.run(
        [sys.executable, "-c", LIGHT_IMPORT.format(module=module)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", strategy_engine.__all__)
def test_every_exported_name_is_there(name):
    assert getattr(strategy_engine, name) is not None


@pytest.mark.parametrize("name", ["run", "warm"])
def test_a_lazy_name_stays_a_function_when_it_is_asked_for_again(name):
    assert callable(getattr(strategy_engine, name))
    assert callable(getattr(strategy_engine, name))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'crystal_ball'"):
        _ = strategy_engine.crystal_ball
