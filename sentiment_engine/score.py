"""Scores of texts: the model's judgement, steadied by the lexicon, of each text and of each company in it.

    1. Each text is cleaned; what cannot be scored (empty, without letters, not English, over 1 MB) is told why.
    2. Whole texts and the clauses about companies go through the model together, by length, each distinct one once.
    3. A text longer than the model reads at once is cut into chunks; its probabilities are their mean by tokens. Beyond
       12,000 characters, or the chunks that the model reads, nothing is read by anyone, and "text_truncated" says so.
    4. logits = log(model's probabilities) + blend * (lexicon's negative share, 0, lexicon's positive share).

The lexicon is right about words that the model never met; how much it counts was chosen on texts kept back from
training. Without a model the lexicon answers alone, and the score says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from market_data.errors import DomainError
from sentiment_engine.entities import Entity, Names, find_entities
from sentiment_engine.language import DEFAULT_LANGUAGE, UNKNOWN_LANGUAGE, detect_language
from sentiment_engine.lexicon import SOFTENING, LexiconHit, LexiconScore, lexicon_score, lexicon_version
from sentiment_engine.relevance import relevance_of
from sentiment_engine.text import clean, has_words

Label = Literal["negative", "neutral", "positive"]
Warned = Literal["empty_text", "no_words", "not_english", "text_too_long", "text_truncated", "lexicon_only"]

LABELS: Final[tuple[Label, ...]] = get_args(Label)
MAX_TEXTS: Final = 10_000
MAX_TEXT_BYTES: Final = 1_000_000
MAX_READ_CHARS: Final = 12_000
_MAX_HITS: Final = 12
_ALONE_NEUTRAL: Final = 0.3
_ALONE_STRENGTH: Final = 4.0
_SMALLEST: Final = 1e-9


class Scorer(Protocol):
    """What a model offers to `score_texts`; `SentimentModel` is one."""

    @property
    def called(self) -> str: ...

    @property
    def blend(self) -> float: ...

    def readable(self, cleaned: str) -> str:
        """Return the start of a cleaned text that `probabilities` reads: all of it unless it is long."""

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities of cleaned texts, [texts, 3], in the order of LABELS."""


@dataclass(frozen=True)
class Probabilities:
    negative: float
    neutral: float
    positive: float


@dataclass(frozen=True, kw_only=True)
class EntityScore:
    """What a text says of one company: the score of the clauses that name it.

    relevance: how much the text is about it, 0 to 1 (`relevance_of`).
    """

    name: str
    symbol: str
    label: Label
    score: float
    clause: str
    relevance: float


@dataclass(frozen=True, kw_only=True)
class TextScore:
    """A text's score from -1 to 1 (p_positive - p_negative) and where it comes from.

    A text that cannot be scored is neutral with score 0, and its `probabilities` are None: `warnings` says why.
    """

    label: Label
    score: float
    probabilities: Probabilities | None
    language: str
    scored_by: str
    entities: tuple[EntityScore, ...] = ()
    explanation: tuple[LexiconHit, ...] = ()
    warnings: tuple[Warned, ...] = ()

    @property
    def is_scored(self) -> bool:
        return self.probabilities is not None


class TooManyTexts(DomainError):
    """More texts in one call than are scored at once."""

    code = "too_many_texts"


def score_texts(texts: Sequence[str], model: Scorer | None, *, entities: Names | None = None) -> list[TextScore]:
    """Return the score of each text, in their order; `model` None answers by the lexicon alone.

    texts: at most 10,000. entities: symbol -> names of companies to look for besides the table of large ones.
    Raises TooManyTexts. A text that cannot be scored raises nothing: see TextScore.
    """
    if len(texts) > MAX_TEXTS:
        raise TooManyTexts(f"at most {MAX_TEXTS:,} texts can be scored at once, there were {len(texts):,}")
    read = [_read(text, entities, model) for text in texts]
    units = dict.fromkeys(unit for one in read for unit in one.units)
    judged = _judged(list(units), model)
    called = scored_by(model)
    return [_text_score(one, judged, called, is_alone=model is None) for one in read]


def scored_by(model: Scorer | None) -> str:
    """Return what decides a score: the model, and the version of the lexicon where it has a say."""
    lexicon = f"lexicon {lexicon_version()}"
    if model is None:
        return lexicon
    return f"{model.called}, {lexicon}" if model.blend > 0 else model.called


def blended(probabilities: NDArray[np.float64], lexicon: Sequence[LexiconScore], blend: float) -> NDArray[np.float64]:
    """Return the model's probabilities [texts, 3] after the lexicon has had its say; 0 leaves them as they are."""
    return _softmax(np.log(probabilities.clip(_SMALLEST)) + blend * lexicon_shares(lexicon))


def lexicon_shares(lexicon: Sequence[LexiconScore]) -> NDArray[np.float64]:
    """Return the shares that the lexicon gives to negative, neutral (always 0) and positive, [texts, 3], 0 to 1."""
    sums = np.array([(one.negative, 0.0, one.positive) for one in lexicon], dtype=np.float64).reshape(-1, 3)
    shares: NDArray[np.float64] = sums / (sums.sum(axis=1, keepdims=True) + SOFTENING)
    return shares


@dataclass(frozen=True)
class _Read:
    text: str
    language: str
    warnings: tuple[Warned, ...] = ()
    entities: tuple[Entity, ...] = ()
    units: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Judged:
    probabilities: NDArray[np.float64]
    lexicon: LexiconScore


def _read(text: str, names: Names | None, model: Scorer | None) -> _Read:
    if len(text) > MAX_TEXT_BYTES or len(text.encode("utf-8", "replace")) > MAX_TEXT_BYTES:
        return _Read("", UNKNOWN_LANGUAGE, ("text_too_long",))
    cleaned = clean(text)
    if not cleaned:
        return _Read("", UNKNOWN_LANGUAGE, ("empty_text",))
    whole, cleaned = cleaned, _start(cleaned, model)
    warnings: tuple[Warned, ...] = ("text_truncated",) if len(cleaned) < len(whole) else ()
    if not has_words(cleaned):
        return _Read(cleaned, UNKNOWN_LANGUAGE, (*warnings, "no_words"))
    language = detect_language(cleaned)
    if language not in {DEFAULT_LANGUAGE, UNKNOWN_LANGUAGE}:
        return _Read(cleaned, language, (*warnings, "not_english"))
    found = find_entities(cleaned, names)
    return _Read(cleaned, language, warnings, found, (cleaned, *(one.clause for one in found)))


def _start(cleaned: str, model: Scorer | None) -> str:
    """Return as much of a cleaned text as is read: by the model, and then by the lexicon and for companies as well."""
    start = cleaned[:MAX_READ_CHARS].strip()
    return start if model is None else model.readable(start)


def _judged(units: list[str], model: Scorer | None) -> dict[str, _Judged]:
    if not units:
        return {}
    lexicon = [lexicon_score(unit) for unit in units]
    if model is None:
        shares = lexicon_shares(lexicon)
        shares[:, 1] = _ALONE_NEUTRAL
        probabilities = _softmax(_ALONE_STRENGTH * shares)
    else:
        probabilities = blended(model.probabilities(units), lexicon, model.blend)
    return {unit: _Judged(row, said) for unit, row, said in zip(units, probabilities, lexicon, strict=True)}


def _text_score(read: _Read, judged: dict[str, _Judged], scored_by: str, *, is_alone: bool) -> TextScore:
    if not read.units:
        return TextScore(
            label="neutral",
            score=0.0,
            probabilities=None,
            language=read.language,
            scored_by=scored_by,
            warnings=read.warnings,
        )
    whole = judged[read.text]
    negative, neutral, positive = (float(one) for one in whole.probabilities)
    return TextScore(
        label=_label(whole),
        score=_score(whole),
        probabilities=Probabilities(negative, neutral, positive),
        language=read.language,
        scored_by=scored_by,
        entities=tuple(_entity_score(entity, judged[entity.clause], read.entities) for entity in read.entities),
        explanation=tuple(sorted(whole.lexicon.hits, key=lambda hit: -abs(hit.weight))[:_MAX_HITS]),
        warnings=(*read.warnings, "lexicon_only") if is_alone else read.warnings,
    )


def _entity_score(entity: Entity, judged: _Judged, all_entities: tuple[Entity, ...]) -> EntityScore:
    return EntityScore(
        name=entity.name,
        symbol=entity.symbol,
        label=_label(judged),
        score=_score(judged),
        clause=entity.clause,
        relevance=relevance_of(entity.symbol, all_entities),
    )


def _label(judged: _Judged) -> Label:
    return LABELS[int(judged.probabilities.argmax())]


def _score(judged: _Judged) -> float:
    return float(judged.probabilities[2] - judged.probabilities[0])


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return shares
