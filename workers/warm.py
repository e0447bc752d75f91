"""Loads and compiles what jobs need, once, before the pool forks: no job pays for it, and children share the pages."""

import pattern_engine
import strategy_engine


def warm() -> None:
    strategy_engine.warm()
    pattern_engine.warm()

    import workers.runner  # noqa: F401, PLC0415 - the same
