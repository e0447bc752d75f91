"""What each job type does: a plain function from payload and context to an outcome."""

from collections.abc import Callable, Mapping
from typing import Any

from backend.core.jobs.outcomes import Outcome
from workers.context import Context
from workers.handlers.backtest import backtest
from workers.handlers.model_training import model_training
from workers.handlers.pattern_scan import pattern_scan
from workers.handlers.probe import probe
from workers.handlers.sentiment_analysis import sentiment_analysis
from workers.handlers.signal_outcomes import signal_outcomes
from workers.handlers.suggestion import suggestion

Handler = Callable[[Any, Context], Outcome]  # Any: the type's own payload model, as the registry names it

HANDLERS: Mapping[str, Handler] = {
    "backtest": backtest,
    "model_training": model_training,
    "pattern_scan": pattern_scan,
    "probe": probe,
    "sentiment_analysis": sentiment_analysis,
    "signal_outcomes": signal_outcomes,
    "suggestion": suggestion,
}
