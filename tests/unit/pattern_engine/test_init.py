"""The package's front door: light for those who want names, complete for those who scan."""

import subprocess
import sys

import pytest

import pattern_engine
from pattern_engine.match import Match
from pattern_engine.scanner import scan


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_names_load_neither_numpy_nor_talib():
    heavy = "{'numpy', 'talib', 'numba', 'pandas'}"
    loaded = run_python(
        "import sys, pattern_engine, pattern_engine.names, pattern_engine.catalogue\n"
        "len(pattern_engine.PATTERNS), pattern_engine.ENGINE_VERSION\n"
        f"print(*({heavy} & set(sys.modules)))"
    )
    assert loaded == []


def test_warm_loads_numpy_and_talib():
    loaded = run_python(
        "import sys, pattern_engine\npattern_engine.warm()\nprint(*sorted({'numpy', 'talib'} & set(sys.modules)))"
    )
    assert loaded == ["numpy", "talib"]


def test_scan_and_match_are_reached_through_the_package():
    assert pattern_engine.scan is scan
    assert pattern_engine.Match is Match


def test_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'pattern_engine' has no attribute 'scam'"):
        _ = pattern_engine.scam
