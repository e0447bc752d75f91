"""Loads and compiles what jobs need, once, before the pool forks: no job pays for it, and children share the pages."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import strategy_engine


def warm() -> None:
    strategy_engine.warm()
    with _without("pandas", "polars"):
        import talib  # noqa: F401, PLC0415 - it takes frames, too, and loads 75 MB for that; no worker hands it one

    import workers.runner  # noqa: F401, PLC0415 - all engines with their kernels


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Let modules that are not loaded yet look as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python says that there is none
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
