import subprocess
import sys

import pytest

import market_data
from market_data.bars import Bars

HEAVY = {"numpy", "pandas", "pyarrow", "yfinance"}


def loaded_by(statement: str) -> set[str]:
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_the_web_process_gets_errors_symbols_and_timeframes_without_numpy():
    names = "market_data, market_data.errors, market_data.symbols, market_data.timeframe"
    assert loaded_by(f"import {names}") & HEAVY == set()


def test_bars_and_the_list_of_providers_load_numpy_alone():
    assert loaded_by("from market_data import Bars\nimport market_data.providers") & HEAVY == {"numpy"}


def test_the_sample_prices_need_no_pandas():
    fetch = "from market_data.providers import build_providers as b\nb(['sample'])[0].fetch('IBM', '1d')"
    assert loaded_by(fetch) & HEAVY == {"numpy"}


def test_bars_are_found_on_the_package():
    assert market_data.Bars is Bars


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Candles'"):
        _ = market_data.Candles
