"""Runs a group of benchmarks, one after the other: `python -m benchmarks [engines|models]`."""

import argparse
from importlib import import_module

GROUPS = {
    "engines": ("imports", "backtests.brief", "patterns"),
    "models": ("models_features", "models_suggestion", "models_sentiment"),
}

arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
arguments.add_argument("group", nargs="?", choices=sorted(GROUPS), default="engines")
for name in GROUPS[arguments.parse_args().group]:
    benchmark = import_module(f"benchmarks.{name}")
    print(f"\n== {name}: {(benchmark.__doc__ or '').splitlines()[0]}")
    benchmark.main()
