"""What a model scores on texts it was not fitted to, through the same code that scores jobs."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model_files.manifest import read_manifest
from sentiment_engine.model import open_sentiment_model
from sentiment_engine.score import LABELS, MAX_TEXTS, Scorer, TextScore, score_texts
from training.sentiment.metrics import Measures, measure
from training.sentiment.steps import VALID_NAME
from training.sentiment.tweets import Texts, read_finentity, read_tweets

N_DRAWS: Final = 500
DIFFERS_FROM: Final = 0.005
_COMPARED: Final = ("accuracy", "macro_f1")
_UNSCORED: Final = (0.0, 1.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A figure of the card that is not found again."""

    figure: str
    told: float
    found: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The figures that a shipped folder scores now, and those that differ from its manifest by over 0.005."""

    metrics: Mapping[str, Any]  # Any: JSON
    differences: tuple[Difference, ...]


def evaluate(folder: Path, *, tweets: Path, finentity: Path | None = None) -> Evaluation:
    """Return the figures of the model in `folder`, measured anew from its files.

    Eight-bit arithmetic rounds differently on other processors, which may turn a few rows: hence the tolerance.
    """
    told = read_manifest(folder).metrics
    found = measured(open_sentiment_model(folder), tweets=tweets, finentity=finentity)
    differences = [
        Difference(figure=f"{name}.{figure}", told=told[name][figure], found=found[name][figure])
        for name in found
        for figure in _COMPARED
        if name in told and not abs(told[name][figure] - found[name][figure]) <= DIFFERS_FROM
    ]
    return Evaluation(metrics=found, differences=tuple(differences))


def measured(model: Scorer | None, *, tweets: Path, finentity: Path | None) -> dict[str, Any]:  # Any: JSON
    """Return the measures by set, as JSON; `model` None measures the lexicon alone."""
    sets = {"tweets_valid": read_tweets(tweets / VALID_NAME)}
    if finentity is not None:
        sets["finentity"] = read_finentity(finentity)
    found = {name: measure_texts(texts, model).to_json() for name, texts in sets.items()}
    if finentity is not None:
        found |= {name: one.to_json() for name, one in measure_entities(finentity, model).items()}
    return found


def measure_texts(texts: Texts, model: Scorer | None) -> Measures:
    """Return the measures of whole texts; one that is not scored (another language) counts as neutral."""
    return measure(texts.labels, _probabilities(_scores(texts.texts, model)), n_draws=N_DRAWS)


def measure_entities(path: Path, model: Scorer | None) -> dict[str, Measures]:
    """Return the measures over the entities of paragraphs that judge their entities differently.

    `finentity_mixed_clause` takes the score of the entity's clauses, `finentity_mixed_text` that of the paragraph.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["single_sentiment"] == "False"]
    labels = [LABELS.index(row["label"]) for row in rows]
    by_clause, by_text = [], []
    for row in rows:
        score = score_texts([row["text"]], model, entities={"ASKED": (row["entity"],)})[0]
        by_text.append(LABELS.index(score.label))
        own = [one for one in score.entities if one.symbol == "ASKED"]
        by_clause.append(LABELS.index(own[0].label) if own else by_text[-1])
    return {
        "finentity_mixed_clause": measure(labels, _certain(by_clause), n_draws=N_DRAWS),
        "finentity_mixed_text": measure(labels, _certain(by_text), n_draws=N_DRAWS),
    }


def _scores(texts: tuple[str, ...], model: Scorer | None) -> list[TextScore]:
    return [
        score
        for start in range(0, len(texts), MAX_TEXTS)
        for score in score_texts(texts[start : start + MAX_TEXTS], model)
    ]


def _probabilities(scores: list[TextScore]) -> NDArray[np.float64]:
    rows = [
        _UNSCORED if one is None else (one.negative, one.neutral, one.positive)
        for one in (score.probabilities for score in scores)
    ]
    return np.array(rows, dtype=np.float64)


def _certain(judged: list[int]) -> NDArray[np.float64]:
    return np.eye(len(LABELS))[judged]
