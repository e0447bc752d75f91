"""What each job type does: a plain function from payload and context to an outcome.

Types that fan out have a second one, the merge step, which is called with the ended children.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.core.jobs.outcomes import EndedChild, FanOut, Outcome
from workers.context import Context
from workers.handlers.backtest import backtest
from workers.handlers.model_training import model_training
from workers.handlers.pattern_scan import merge_pattern_scan, pattern_scan
from workers.handlers.probe import merge_probe, probe
from workers.handlers.sentiment_analysis import sentiment_analysis
from workers.handlers.signal_outcomes import signal_outcomes
from workers.handlers.suggestion import suggestion

Handler = Callable[[Any, Context], Outcome | FanOut]  # Any: the type's own payload model, as the registry names it
Merge = Callable[[Any, Mapping[str, Any], Sequence[EndedChild], Context], Outcome | FanOut]  # Any: the same, and JSON

HANDLERS: Mapping[str, Handler] = {
    "backtest": backtest,
    "model_training": model_training,
    "pattern_scan": pattern_scan,
    "probe": probe,
    "sentiment_analysis": sentiment_analysis,
    "signal_outcomes": signal_outcomes,
    "suggestion": suggestion,
}

MERGES: Mapping[str, Merge] = {
    "pattern_scan": merge_pattern_scan,
    "probe": merge_probe,
}
