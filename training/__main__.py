"""The training program: `python -m training suggestion|sentiment|all|evaluate`, see `--help`.

Exit codes: 0 done, 1 refused or different (the last line says why), 2 wrong arguments, 143 ended by SIGTERM. A run
that was ended goes on where it stopped when it is started again with the same arguments.
"""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from market_data.errors import DomainError
from model_files.manifest import MANIFEST_NAME, Manifest, folder_of, read_manifests
from training.arguments import parser, price_files, sentiment_options, suggestion_options
from training.errors import FiguresDiffer
from training.progress import Progress, part_of
from training.reporting import Reporter

_STOPPED = 143  # what a shell reports of a program that SIGTERM ended
_SUGGESTION_SHARE = 0.7


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code of the run that the arguments ask for."""
    given = parser().parse_args(arguments)
    reporter = Reporter(is_json=given.progress_json)
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        if given.command == "evaluate":
            _evaluate(given, reporter)
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
    # Each brings libraries that the other does not need.
    if given.command == "suggestion":
        return _train_suggestion(given, progress)
    if given.command == "sentiment":
        return _train_sentiment(given, progress)
    return (
        *_train_suggestion(given, part_of(progress, 0.0, _SUGGESTION_SHARE)),
        *_train_sentiment(given, part_of(progress, _SUGGESTION_SHARE, 1.0)),
    )


def _train_suggestion(given: Namespace, progress: Progress) -> tuple[Manifest, ...]:
    from training.suggestion.pipeline import run  # noqa: PLC0415 -- loads lightgbm, xgboost and torch

    return run(suggestion_options(given), progress)


def _train_sentiment(given: Namespace, progress: Progress) -> tuple[Manifest, ...]:
    from training.sentiment.pipeline import run  # noqa: PLC0415 -- loads torch and the base network

    return (run(sentiment_options(given), progress),)


def _evaluate(given: Namespace, reporter: Reporter) -> None:
    different = []
    if given.data:
        different += _evaluate_suggestion(given, reporter)
    if given.tweets is not None:
        different += _evaluate_sentiment(given, reporter)
    if not given.data and given.tweets is None:
        raise DomainError("evaluation needs --data, --tweets or both, there was neither")
    if different:
        raise FiguresDiffer(f"every figure must be its card's, {len(different)} were not: {', '.join(different[:5])}")
    reporter.done(
        [folder_of(given.models, one) / MANIFEST_NAME for one in read_manifests(given.models)], what="checked"
    )


def _evaluate_suggestion(given: Namespace, reporter: Reporter) -> list[str]:
    from training.suggestion.evaluate import evaluate  # noqa: PLC0415 -- only when asked for

    different = []
    for one in evaluate(given.models, price_files(given.data), work=given.work, progress=reporter.progress):
        mark = "same" if one.is_same else "DIFFERENT"
        reporter.say(f"{one.model}  {one.figure}  card {one.on_card}  now {one.now}  {mark}")
        if not one.is_same:
            different.append(f"{one.model} {one.figure}")
    return different


def _evaluate_sentiment(given: Namespace, reporter: Reporter) -> list[str]:
    from training.sentiment.evaluation import evaluate  # noqa: PLC0415 -- only when asked for

    different = []
    for manifest in [one for one in read_manifests(given.models) if one.task == "sentiment"]:
        reporter.progress(0.0, f"evaluating {manifest.name}")
        found = evaluate(folder_of(Path(given.models), manifest), tweets=given.tweets, finentity=given.finentity)
        for name, figures in found.metrics.items():
            told = manifest.metrics.get(name, {})
            for figure in ("accuracy", "macro_f1"):
                reporter.say(f"{manifest.name}  {name}.{figure}  card {told.get(figure)}  now {figures[figure]}")
        different += [f"{manifest.name} {one.figure}" for one in found.differences]
    return different


if __name__ == "__main__":
    sys.exit(main())
