"""Whether the shipped models still give the numbers on their cards, measured anew from their files and the data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort

from model_files.manifest import Manifest, folder_of, read_manifests
from model_files.session import open_model
from suggestion_engine.reference import load_reference
from training.errors import DataRefused
from training.progress import Progress, unheard
from training.suggestion.card import CARD_JSON, Card
from training.suggestion.dataset import Dataset, Rows, build_dataset, prices_for
from training.suggestion.fold_inputs import inputs_of
from training.suggestion.judgement import Protocol, judge, scored
from training.suggestion.options import SuggestionOptions
from training.suggestion.parity import score
from training.suggestion.pipeline import folds_of
from training.suggestion.shipping import REFERENCE_NAME, held_out_rows

TOLERANCE: Final = 1e-6


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure of a card, as it stands there and as it was measured now."""

    model: str
    figure: str
    on_card: float | None
    now: float | None

    @property
    def is_same(self) -> bool:
        if self.on_card is None or self.now is None:
            return self.on_card is self.now
        return abs(self.on_card - self.now) <= TOLERANCE


@dataclass(frozen=True, eq=False)
class Shipped:
    """A model's folder, what it tells of itself, and its graph, opened."""

    folder: Path
    manifest: Manifest
    card: Card
    session: ort.InferenceSession


def evaluate(models: Path, data: Sequence[Path], *, work: Path, progress: Progress) -> Iterator[Compared]:
    """Yield every hold-out figure of the suggestion models in `models` beside its card's.

    Files that are not what their manifest says are ModelRefused, other data than the card's is DataRefused.
    """
    manifests = [one for one in read_manifests(models) if one.task == "suggestion"]
    if not manifests:
        raise DataRefused(f"{models} must hold suggestion models, there were none")
    datasets: dict[str, Dataset] = {}
    for i, manifest in enumerate(manifests):
        progress(i / len(manifests), f"evaluating {manifest.name}")
        folder = folder_of(models, manifest)
        # First of all: a card that was changed is no card.
        session = open_model(folder, manifest)
        card = _card(folder)
        options = _options(card, data, work)
        key = json.dumps(options.told(), sort_keys=True)
        if key not in datasets:
            datasets[key] = _checked(build_dataset(prices_for(options), options, unheard), card)
        yield from _compared(Shipped(folder, manifest, card, session), datasets[key], options)


def _compared(shipped: Shipped, dataset: Dataset, options: SuggestionOptions) -> Iterator[Compared]:
    manifest, card = shipped.manifest, shipped.card
    reference = load_reference(shipped.folder / REFERENCE_NAME)
    fold = folds_of(dataset, options)[-1].fold
    slices: dict[str, Rows] = {"hold_out": dataset.rows.at(fold.test)}
    if card["held_out_symbols"] is not None:
        slices["held_out_symbols"] = held_out_rows(dataset, np.datetime64(fold.test_from))
    for name, rows in slices.items():
        said = score(shipped.session, inputs_of(manifest.settings["input"], dataset, rows, reference))
        part = scored(rows, said, base=np.array(card["base_fracs"]), min_edge=manifest.settings["min_edge"])
        now = dict(_numbers(json.loads(json.dumps(asdict(judge(part, Protocol(**card["protocol"])))))))
        on_card = dict(_numbers(card[name]))
        for figure in sorted(now.keys() | on_card.keys()):
            yield Compared(
                model=manifest.name, figure=f"{name}.{figure}", on_card=on_card.get(figure), now=now.get(figure)
            )


def _card(folder: Path) -> Card:
    card: Card = json.loads((folder / CARD_JSON).read_text(encoding="utf-8"))
    return card


def _options(card: Card, data: Sequence[Path], work: Path) -> SuggestionOptions:
    told = {**card["options"], "members": tuple(card["options"]["members"])}
    return SuggestionOptions(data=tuple(data), out=work, work=work, **told)


def _checked(dataset: Dataset, card: Card) -> Dataset:
    if dataset.source.sha256 != card["data"]["sha256"]:
        raise DataRefused(
            f"the data must be what the card tells of ({', '.join(card['data']['files'])}, sha256 "
            f"{card['data']['sha256']}), it was {', '.join(dataset.source.names)}, sha256 {dataset.source.sha256}"
        )
    return dataset


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, float | None]]:  # Any: JSON
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _numbers(one, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for i, one in enumerate(value):
            yield from _numbers(one, f"{name}[{i}]")
    else:
        yield name, None if value is None else float(value)
