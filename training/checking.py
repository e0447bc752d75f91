"""The shipped models measured anew: which of them were checked, which were not and why, and what came out otherwise."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from market_data.errors import DomainError
from model_files.manifest import Manifest, Task, folder_of, read_manifests, sha256_of
from training.arguments import price_files, text_files
from training.errors import DataRefused, FiguresDiffer
from training.reporting import Reporter

_FLAGS: Final[dict[Task, str]] = {"suggestion": "--data", "sentiment": "--tweets"}


def check(given: Namespace, reporter: Reporter) -> tuple[Manifest, ...]:
    """Return the models that were measured and gave the figures of their cards.

    Raises FiguresDiffer when one gave others, DataRefused when the data is not what its card tells of, and when there
    was nothing to measure.
    """
    if not given.data and given.tweets is None:
        raise DomainError("evaluation needs --data, --tweets or both, there was neither")
    data = price_files(given.data)
    texts = () if given.tweets is None else text_files(given, is_training=False)
    shipped = read_manifests(given.models)
    chosen = _chosen(shipped, {"suggestion": bool(data), "sentiment": bool(texts)}, given.models, reporter)
    different: list[str] = []
    if any(one.task == "suggestion" for one in chosen):
        different += _different_suggestion(given, data, reporter)
    for manifest in [one for one in chosen if one.task == "sentiment"]:
        different += _different_sentiment(manifest, given, texts, reporter)
    if different:
        raise FiguresDiffer(f"every figure must be its card's, {len(different)} were not: {', '.join(different[:5])}")
    return chosen


def _chosen(
    shipped: Sequence[Manifest], has_data: dict[Task, bool], models: Path, reporter: Reporter
) -> tuple[Manifest, ...]:
    for one in shipped:
        if not has_data[one.task]:
            reporter.skipped(f"{one.name} {one.version}", f"{_FLAGS[one.task]} was not given")
    for task, is_given in has_data.items():
        if is_given and not any(one.task == task for one in shipped):
            reporter.skipped(f"{task} models", f"{models} holds none")
    chosen = tuple(one for one in shipped if has_data[one.task])
    if not chosen:
        flags = " and ".join(_FLAGS[task] for task, is_given in has_data.items() if is_given)
        raise DataRefused(f"{models} must hold models that {flags} can measure, it holds none: nothing was checked")
    return chosen


def _different_suggestion(given: Namespace, data: tuple[Path, ...], reporter: Reporter) -> Iterator[str]:
    from training.suggestion.evaluate import evaluate  # noqa: PLC0415 -- only when asked for

    for one in evaluate(given.models, data, work=given.work, progress=reporter.progress):
        mark = "same" if one.is_same else "DIFFERENT"
        reporter.say(f"{one.model}  {one.figure}  card {one.on_card}  now {one.now}  {mark}")
        if not one.is_same:
            yield f"{one.model} {one.figure}"


def _different_sentiment(
    manifest: Manifest, given: Namespace, texts: Sequence[Path], reporter: Reporter
) -> Iterator[str]:
    from training.sentiment.evaluation import evaluate  # noqa: PLC0415 -- only when asked for

    _require_same_texts(manifest, texts)
    reporter.progress(0.0, f"evaluating {manifest.name}")
    found = evaluate(folder_of(given.models, manifest), tweets=given.tweets, finentity=given.finentity)
    wrong = [one.figure for one in found.differences]
    for name, told in manifest.metrics.items():
        if name not in found.metrics:
            is_missing = name.startswith("finentity") and given.finentity is None
            why = "--finentity was not given" if is_missing else "the model's files do not decide it"
            reporter.skipped(f"{manifest.name} {name}", why)
            continue
        for figure in ("accuracy", "macro_f1"):
            mark = "DIFFERENT" if f"{name}.{figure}" in wrong else "same"
            now = found.metrics[name][figure]
            reporter.say(f"{manifest.name}  {name}.{figure}  card {told[figure]}  now {now}  {mark}")
    yield from (f"{manifest.name} {figure}" for figure in wrong)


def _require_same_texts(manifest: Manifest, texts: Sequence[Path]) -> None:
    told = manifest.provenance.get("data_sha256", {})
    for path in texts:
        # The csv of entities may have been renamed; the tweets' two files may not stand in for each other.
        wanted = {told[path.name]} if path.name in told else set(told.values())
        found = sha256_of(path)
        known = " or ".join(sorted(wanted)) or "none"
        if found not in wanted:
            raise DataRefused(
                f"{manifest.name}: {path.name} must be what the card tells of (sha256 {known}), its sha256 was {found}"
            )
