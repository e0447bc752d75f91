"""The package's front door: every name it promises, none of them loaded before it is asked for."""

import subprocess
import sys

import pytest

import suggestion_engine
from suggestion_engine.features import raw_features


def test_every_promised_name_is_there():
    assert {name for name in suggestion_engine.__all__ if not hasattr(suggestion_engine, name)} == set()
    assert suggestion_engine.raw_features is raw_features


def test_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'suggestion_engine' has no attribute 'prophecy'"):
        _ = suggestion_engine.prophecy


def test_names_of_features_load_nothing_numerical():
    heavy = "{'numpy', 'numba', 'talib', 'pandas', 'onnxruntime', 'lightgbm'}"
    code = (
        "import sys, suggestion_engine, suggestion_engine.feature_registry\n"
        "suggestion_engine.FEATURES, suggestion_engine.FEATURE_SET\n"
        f"print(*({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []
