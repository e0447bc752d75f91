"""Sentiment of financial texts: pure functions from texts to scores. No clock, chance or network.

    model = open_sentiment_model(Path("models/sentiment-minilm/<version>"))
    scores = score_texts(["Apple gains while Microsoft slides"], model)
    aggregates = by_symbol(observations, half_life_s=86_400.0)

Everything is imported when it is first asked for: the web process may import the package and loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from sentiment_engine.version import ENGINE_VERSION

if TYPE_CHECKING:
    from sentiment_engine.aggregate import Aggregate, Observation, by_symbol, by_symbol_and_day
    from sentiment_engine.entities import Entity, find_entities
    from sentiment_engine.language import detect_language
    from sentiment_engine.lexicon import LexiconHit, lexicon_score, lexicon_version
    from sentiment_engine.model import SentimentModel, open_sentiment_model
    from sentiment_engine.novelty import duplicate_groups
    from sentiment_engine.relevance import relevance_of
    from sentiment_engine.score import (
        LABELS,
        MAX_TEXTS,
        EntityScore,
        Label,
        Probabilities,
        TextScore,
        TooManyTexts,
        Warned,
        score_texts,
    )
    from sentiment_engine.text import clean

__all__ = [
    "ENGINE_VERSION",
    "LABELS",
    "MAX_TEXTS",
    "Aggregate",
    "Entity",
    "EntityScore",
    "Label",
    "LexiconHit",
    "Observation",
    "Probabilities",
    "SentimentModel",
    "TextScore",
    "TooManyTexts",
    "Warned",
    "by_symbol",
    "by_symbol_and_day",
    "clean",
    "detect_language",
    "duplicate_groups",
    "find_entities",
    "lexicon_score",
    "lexicon_version",
    "open_sentiment_model",
    "relevance_of",
    "score_texts",
]

_HOMES: Final = {
    "aggregate": ("Aggregate", "Observation", "by_symbol", "by_symbol_and_day"),
    "entities": ("Entity", "find_entities"),
    "language": ("detect_language",),
    "lexicon": ("LexiconHit", "lexicon_score", "lexicon_version"),
    "model": ("SentimentModel", "open_sentiment_model"),
    "novelty": ("duplicate_groups",),
    "relevance": ("relevance_of",),
    "score": (
        "LABELS",
        "MAX_TEXTS",
        "EntityScore",
        "Label",
        "Probabilities",
        "TextScore",
        "TooManyTexts",
        "Warned",
        "score_texts",
    ),
    "text": ("clean",),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
