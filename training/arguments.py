"""What can be typed behind `python -m training`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from market_data.errors import DomainError, require
from training.errors import DataRefused
from training.suggestion.options import HELD_OUT_SYMBOLS, MEMBERS, SuggestionOptions

if TYPE_CHECKING:
    from training.sentiment.options import SentimentOptions

_NUMBERS: Final = tuple(one.name for one in fields(SuggestionOptions) if str(one.type) in {"int", "int | None"})


def parser() -> ArgumentParser:
    """Return the parser; `Namespace.command` is one of suggestion, sentiment, all, evaluate."""
    top = ArgumentParser(prog="python -m training", description="Train the models, or check the shipped ones.")
    commands = top.add_subparsers(dest="command", required=True)
    told = {
        "suggestion": "train the suggestion models from daily bars",
        "sentiment": "train the sentiment model from labelled texts",
        "all": "train both",
        "evaluate": "measure the shipped models anew and compare with their cards; exit 1 on any difference",
    }
    for name, text in told.items():
        command = commands.add_parser(name, help=text, description=text)
        _add_places(command, is_evaluation=name == "evaluate")
        if name != "sentiment":
            _add_prices(command)
        if name != "suggestion":
            _add_texts(command, is_required=name == "sentiment")
        if name in {"suggestion", "all"}:
            _add_suggestion(command)
        if name in {"sentiment", "all"}:
            command.add_argument("--max-rows", type=int, help="of the sentiment texts, at most so many")
    return top


def suggestion_options(given: Namespace) -> SuggestionOptions:
    """Return the options that were typed; DomainError says which cannot be."""
    data = price_files(given.data)
    given_numbers = {name: getattr(given, name) for name in _NUMBERS if getattr(given, name) is not None}
    changed = {
        **given_numbers,
        **({"members": tuple(given.members.split(","))} if given.members else {}),
        **({"accept_suspected_leak": True} if given.accept_suspected_leak else {}),
        "data_note": given.data_note,
    }
    if given.small:
        return replace(SuggestionOptions.small(data=data, out=given.out, work=given.work), **changed)
    return SuggestionOptions(data=data, out=given.out, work=given.work, **changed)


def sentiment_options(given: Namespace) -> SentimentOptions:
    """Return the options that were typed; DomainError says which cannot be."""
    from training.sentiment.options import SentimentOptions  # noqa: PLC0415 -- loads torch

    if given.tweets is None:
        raise DomainError("the sentiment model needs --tweets, a folder with train.csv and valid.csv")
    text_files(given, is_training=True)
    changed = {"seed": given.seed} if given.seed is not None else {}
    return SentimentOptions(
        tweets=given.tweets,
        finentity=given.finentity,
        out=given.out,
        work=given.work,
        max_rows=given.max_rows,
        **changed,
    )


def price_files(given: list[str]) -> tuple[Path, ...]:
    """Return the files that were named, patterns such as `exports/*.parquet` resolved; DomainError for none."""
    found: list[Path] = []
    for text in given:
        path = Path(text)
        matches = sorted(path.parent.glob(path.name))
        require(bool(matches), f"--data must name Parquet files, {text} names none")
        found += matches
    return tuple(dict.fromkeys(found))


def text_files(given: Namespace, *, is_training: bool) -> tuple[Path, ...]:
    """Return the files of labelled texts that will be read; DataRefused when one of them is not there."""
    from training.sentiment.steps import TRAIN_NAME, VALID_NAME  # noqa: PLC0415 -- loads torch

    names = (TRAIN_NAME, VALID_NAME) if is_training else (VALID_NAME,)
    files = (*(given.tweets / name for name in names), *([] if given.finentity is None else [given.finentity]))
    for path in files:
        if not path.is_file():
            raise DataRefused(
                f"--tweets must be a folder with {', '.join(names)}, --finentity a file; {path} is no file"
            )
    return files


def _add_places(command: ArgumentParser, *, is_evaluation: bool) -> None:
    if is_evaluation:
        command.add_argument("--models", type=Path, default=Path("models"), help="folder of the shipped models")
    else:
        command.add_argument("--out", type=Path, default=Path("models"), help="folder that models are written below")
        command.add_argument("--seed", type=int, help="what chance is drawn from; the shipped models' by default")
    command.add_argument("--work", type=Path, default=Path(".training"), help="folder for finished steps")
    command.add_argument("--progress-json", action="store_true", help="one JSON object a line, for programs")


def _add_prices(command: ArgumentParser) -> None:
    command.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="FILE",
        help="Parquet of daily bars: symbol, date, open, high, low, close, volume; repeat it, or give a pattern. "
        f"Held out of training: {', '.join(HELD_OUT_SYMBOLS)}",
    )


def _add_texts(command: ArgumentParser, *, is_required: bool) -> None:
    command.add_argument("--tweets", type=Path, required=is_required, help="folder with train.csv and valid.csv")
    command.add_argument("--finentity", type=Path, help="csv of entity-level rows, only measured on")


def _add_suggestion(command: ArgumentParser) -> None:
    command.add_argument("--small", action="store_true", help="a run of under a minute; made-up bars without --data")
    command.add_argument("--members", help=f"of {','.join(MEMBERS)}; all by default")
    for name in _NUMBERS:
        if name != "seed":
            command.add_argument(_flag(name), type=int, metavar="N", help="see training/suggestion/options.py")
    command.add_argument("--data-note", default="", metavar="TEXT", help="where the prices came from, for the cards")
    command.add_argument("--accept-suspected-leak", action="store_true", help="write models in spite of a suspicion")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
