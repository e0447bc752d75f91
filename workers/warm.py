"""Loads and compiles what jobs need, once, before the pool forks: no job pays for it, and children share the pages."""

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from backend.core.jobs.registry import JOB_TYPES, QUEUES

WITHOUT_INDICATORS = frozenset({"model_training", "probe", "sentiment_analysis"})


def warm(queues: Collection[str] = QUEUES) -> None:
    """Load what the jobs of these queues need."""
    job_types = {spec.job_type for spec in JOB_TYPES.values() if spec.queue in queues}
    if not job_types <= WITHOUT_INDICATORS:
        with _without("pandas", "polars"):
            import talib  # noqa: F401, PLC0415 - it takes frames, too, and loads 75 MB for that; no worker hands it one
    if "backtest" in job_types:
        import strategy_engine  # noqa: PLC0415 - loads numba
        from workers.handlers.machine import this_machine  # noqa: PLC0415 - the same

        strategy_engine.warm()
        this_machine()

    from workers.handlers import HANDLERS, MERGES  # noqa: PLC0415 - after TA-Lib, which their engines import
    from workers.runner import Runner  # noqa: F401, PLC0415 - what the children run

    for registry in (HANDLERS, MERGES):
        for job_type in job_types & set(registry):
            registry[job_type]


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
