"""What each job type does: a plain function from payload and context to an outcome.

Types that fan out have a second one, the merge step, which is called with the ended children. Each is named by its
place and loaded when first asked for: a worker loads the engines of the queues that it serves, and no others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

from backend.core.jobs.outcomes import EndedChild, FanOut, Outcome
from workers.context import Context

Handler = Callable[[Any, Context], Outcome | FanOut]  # Any: the type's own payload model, as the registry names it
Merge = Callable[[Any, Mapping[str, Any], Sequence[EndedChild], Context], Outcome | FanOut]  # Any: the same, and JSON
Function = TypeVar("Function")


class Loaded(Mapping[str, Function]):
    """Functions of this package's modules by job type, each `module:function`."""

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)

    def __getitem__(self, job_type: str) -> Function:
        module, _, name = self._places[job_type].partition(":")
        function: Function = getattr(import_module(f"{__name__}.{module}"), name)
        return function

    def __contains__(self, job_type: object) -> bool:
        return job_type in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


HANDLERS: Mapping[str, Handler] = Loaded(
    {
        "backtest": "backtest:backtest",
        "model_training": "model_training:model_training",
        "pattern_scan": "pattern_scan:pattern_scan",
        "probe": "probe:probe",
        "sentiment_analysis": "sentiment_analysis:sentiment_analysis",
        "signal_outcomes": "signal_outcomes:signal_outcomes",
        "suggestion": "suggestion:suggestion",
    }
)

MERGES: Mapping[str, Merge] = Loaded(
    {
        "pattern_scan": "pattern_scan:merge_pattern_scan",
        "probe": "probe:merge_probe",
    }
)
