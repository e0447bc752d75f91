from __future__ import annotations

import subprocess
import sys

import pytest

import sentiment_engine


def test_importing_the_package_loads_nothing_heavy():
    script = (
        "import sys, sentiment_engine\n"
        "heavy = {'numpy', 'onnxruntime', 'tokenizers', 'torch', 'numba', 'pandas'} & set(sys.modules)\n"
        "raise SystemExit(f'loaded {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("name", sentiment_engine.__all__)
def test_every_name_told_is_there(name):
    assert getattr(sentiment_engine, name) is not None


def test_an_unknown_name_is_told():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = sentiment_engine.nothing
