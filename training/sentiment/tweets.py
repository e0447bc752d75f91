"""The labelled texts: reading them, keeping a slice back, and what is known of a file."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from market_data.errors import DomainError, require
from sentiment_engine.text import clean, model_input

LABELS: Final = ("negative", "neutral", "positive")


@dataclass(frozen=True)
class Texts:
    """Texts as they came, and the index of each one's label in LABELS."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: list[int]) -> Texts:
        return Texts(tuple(self.texts[row] for row in rows), tuple(self.labels[row] for row in rows))

    def shown(self) -> list[str]:
        """Return what the model is shown of each text."""
        return [model_input(clean(text)) for text in self.texts]


def read_tweets(path: Path) -> Texts:
    """Return all texts of a csv with columns text and label."""
    return _texts([(row["text"], _label(path, row["label"])) for row in _rows(path, ("text", "label"))])


def once(texts: Texts, *, without: Texts) -> Texts:
    """Return the texts with repeated ones taken once, and those left out that `without` holds too."""
    seen = {_key(text) for text in without.texts}
    rows = []
    for row, text in enumerate(texts.texts):
        key = _key(text)
        if key not in seen:
            rows.append(row)
            seen.add(key)
    return texts.take(rows)


def read_finentity(path: Path) -> Texts:
    """Return each paragraph whose entities all carry one label, with that label."""
    rows: dict[str, tuple[str, int]] = {}
    for row in _rows(path, ("text", "entity", "label", "single_sentiment")):
        if row["single_sentiment"] == "True":
            rows.setdefault(row["text"], (row["text"], _label(path, row["label"])))
    return _texts(list(rows.values()))


def thinned(texts: Texts, max_rows: int | None, *, seed: int) -> Texts:
    """Return at most `max_rows` texts, drawn with the same share of each label."""
    if max_rows is None or max_rows >= len(texts):
        return texts
    kept, _ = split(texts, 1 - max_rows / len(texts), seed=seed)
    return kept


def split(texts: Texts, slice_frac: float, *, seed: int) -> tuple[Texts, Texts]:
    """Return (the rest, the slice): the same share of each label is kept back, in the files' order."""
    by_label: dict[int, list[int]] = defaultdict(list)
    for row, label in enumerate(texts.labels):
        by_label[label].append(row)
    chance = random.Random(seed)  # noqa: S311 -- a repeatable split, no secret
    kept_back: set[int] = set()
    for _, rows in sorted(by_label.items()):
        kept_back.update(chance.sample(rows, max(1, round(len(rows) * slice_frac))))
    rest = [row for row in range(len(texts)) if row not in kept_back]
    return texts.take(rest), texts.take(sorted(kept_back))


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            found = tuple(reader.fieldnames or ())
            require(set(columns) <= set(found), f"{path.name} must have the columns {columns}, it had {found}")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DomainError(f"{path} must be a csv file that can be read: {error}") from error


def _label(path: Path, label: str) -> int:
    require(label in LABELS, f"a label of {path.name} must be one of {', '.join(LABELS)}, it was {label!r}")
    return LABELS.index(label)


def _texts(rows: list[tuple[str, int]]) -> Texts:
    return Texts(tuple(text for text, _ in rows), tuple(label for _, label in rows))


def _key(text: str) -> str:
    return model_input(clean(text)).casefold()
