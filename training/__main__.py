"""The training program: `python -m training suggestion|sentiment|all|evaluate`, see `--help`.

Exit codes: 0 done, 1 refused or different (the last line says why), 2 wrong arguments, 143 ended by SIGTERM. A run
that was ended goes on where it stopped when it is started again with the same arguments.
"""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

from market_data.errors import DomainError
from model_files.manifest import MANIFEST_NAME, Manifest, folder_of
from training.arguments import parser, sentiment_options, suggestion_options
from training.checking import check
from training.progress import Progress, part_of
from training.reporting import Reporter
from training.suggestion.options import SuggestionOptions

if TYPE_CHECKING:
    from training.sentiment.options import SentimentOptions

_STOPPED = 143  # what a shell reports of a program that SIGTERM ended
_SUGGESTION_SHARE = 0.7


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of the run that the arguments ask for."""
    given = parser().parse_args(arguments)
    reporter = Reporter(is_json=given.progress_json)
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        if given.command == "evaluate":
            checked = check(given, reporter)
            reporter.done([folder_of(given.models, one) / MANIFEST_NAME for one in checked], what="checked")
        else:
            reporter.done([folder_of(given.out, one) / MANIFEST_NAME for one in _train(given, reporter.progress)])
    except DomainError as error:
        reporter.failed(error)
        return 1
    except _Stopped:
        reporter.stopped()
        return _STOPPED
    finally:
        signal.signal(signal.SIGTERM, previous)
    return 0


class _Stopped(BaseException):
    """SIGTERM came; not an Exception, so that no library takes it for a fault of its own."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _Stopped


def _train(given: Namespace, progress: Progress) -> tuple[Manifest, ...]:
    if given.command == "suggestion":
        return _train_suggestion(suggestion_options(given), progress)
    if given.command == "sentiment":
        return _train_sentiment(sentiment_options(given), progress)
    # Both before anything is trained: a long run of the one must not be lost to what the other lacks.
    prices, texts = suggestion_options(given), sentiment_options(given)
    return (
        *_train_suggestion(prices, part_of(progress, 0.0, _SUGGESTION_SHARE)),
        *_train_sentiment(texts, part_of(progress, _SUGGESTION_SHARE, 1.0)),
    )


# Each brings libraries that the other does not need.
def _train_suggestion(options: SuggestionOptions, progress: Progress) -> tuple[Manifest, ...]:
    from training.suggestion.pipeline import run  # noqa: PLC0415 -- loads lightgbm, xgboost and torch

    return run(options, progress)


def _train_sentiment(options: SentimentOptions, progress: Progress) -> tuple[Manifest, ...]:
    from training.sentiment.pipeline import run  # noqa: PLC0415 -- loads torch and the base network

    return (run(options, progress),)


if __name__ == "__main__":
    sys.exit(main())
