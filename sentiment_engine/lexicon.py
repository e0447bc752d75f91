"""The lexicon at work: hits with their weights, as the explanation of a score and, without a model, as the score.

1. Words are lower-cased; the longest phrase of the table that starts at a word wins over the word.
2. A word of movement takes its sign from what moves: "profit fell" is bad, "costs fell" is good.
3. "Up", "down" and "off" count only before a number or after a word for shares: "up 3%", "shares down".
4. An amount beside an earlier one counts as movement: "profit of 5.1 million, compared with 3.9 million".
5. A negation among the three words before turns a weight and takes a little off it; amplifiers and dampeners among
   the two words beside scale it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sentiment_engine import lexicon_table as table

_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:[.,]\d+)*%?")
_COMPARED: Final = re.compile(
    r"(?<![\d.,])(\d{1,15}(?:[.,]\d{1,15}){0,5})\s?(?:%|mn|m|bn|b|million|billion|euros?|dollars?)?[\w\s,]{0,12}?"
    r"\b(?:compared\s+(?:to|with)|against|versus|vs|from)\b[^\d.;]{0,24}?(\d{1,15}(?:[.,]\d{1,15}){0,5})"
)
_DIRECTIONS: Final = {"up": 1.0, "down": -1.0, "off": -1.0}
_SHARE_WORDS: Final = frozenset({"shares", "share", "stock", "stocks", "futures", "index", "trading"})
_NEGATED: Final = -0.7
_AMPLIFIED: Final = 1.4
_DAMPENED: Final = 0.6
_NEGATION_REACH: Final = 3
_PAIN_REACH: Final = 5
_COMPARED_WEIGHT: Final = 0.9
_RELIEF: Final = 2.0  # a loss that shrinks makes up for the word "loss", which counts against it
SOFTENING: Final = 2.0


@dataclass(frozen=True)
class LexiconHit:
    """A word or phrase that counted, with its weight after negation and emphasis; positive is good."""

    term: str
    weight: float


@dataclass(frozen=True)
class LexiconScore:
    """What the lexicon says of a text: its hits, and the sums of their weights (both 0 or above)."""

    hits: tuple[LexiconHit, ...]
    positive: float
    negative: float

    @property
    def score(self) -> float:
        """Return a score from -1 to 1: (positive - negative) / (positive + negative + 2)."""
        return (self.positive - self.negative) / (self.positive + self.negative + SOFTENING)


def lexicon_score(cleaned: str) -> LexiconScore:
    """Return the lexicon's hits in a cleaned text and their sums; no hits score 0."""
    text = cleaned.lower()
    words = _WORD.findall(text)
    hits = [*_word_hits(words), *_compared(text, words)]
    return LexiconScore(
        hits=tuple(hits),
        positive=sum(hit.weight for hit in hits if hit.weight > 0),
        negative=-sum(hit.weight for hit in hits if hit.weight < 0),
    )


@lru_cache(maxsize=1)
def lexicon_version() -> str:
    """Return the hash that names the lexicon: over its words and weights, not over how its tables are laid out."""
    sets = (_RISES, _FALLS, _PAINS, _GAINS, _NEGATIONS, _AMPLIFIERS, _DAMPENERS)
    told = [sorted(_TERMS.items()), [sorted(words) for words in sets], table.RISE_WEIGHT, table.FALL_WEIGHT]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


def entry_count() -> int:
    """Return how many words and phrases the lexicon weighs."""
    return len(_TERMS) + len(_RISES) + len(_FALLS)


def _word_hits(words: Sequence[str]) -> Iterable[LexiconHit]:
    at = 0
    while at < len(words):
        if words[at] not in _WEIGHED:
            at += 1
            continue
        size, weight = _longest(words, at)
        if weight == 0.0 and size == 1:
            weight = _movement(words, at)
        if weight != 0.0:
            scale = _scale(words, at, size)
            yield LexiconHit(" ".join(words[at : at + size]), round(weight * scale, 4))
        at += size


def _longest(words: Sequence[str], at: int) -> tuple[int, float]:
    for size in range(min(_PHRASE_SIZES.get(words[at], 0), len(words) - at), 0, -1):
        weight = _TERMS.get(tuple(words[at : at + size]))
        if weight is not None:
            return size, weight
    return 1, 0.0


def _movement(words: Sequence[str], at: int) -> float:
    word = words[at]
    if word in _RISES:
        weight = table.RISE_WEIGHT
    elif word in _FALLS:
        weight = table.FALL_WEIGHT
    elif word in _DIRECTIONS and _is_direction(words, at):
        weight = _DIRECTIONS[word]
    else:
        return 0.0
    if not _moves_pain(words, at):
        return weight
    return -weight if weight > 0 else -weight * _RELIEF


def _is_direction(words: Sequence[str], at: int) -> bool:
    after = words[at + 1] if at + 1 < len(words) else "0"
    before = words[at - 1] if at else ""
    return after[0].isdigit() or before in _SHARE_WORDS


def _moves_pain(words: Sequence[str], at: int) -> bool:
    """Return whether the nearest thing before (or else after) a word of movement is one that should not grow."""
    before = words[max(0, at - _PAIN_REACH) : at]
    for word in reversed(before):
        if word in _GAINS or word in _SHARE_WORDS:
            return False
        if word in _PAINS:
            return True
    return any(word in _PAINS for word in words[at + 1 : at + 3])


def _scale(words: Sequence[str], at: int, size: int) -> float:
    before = words[max(0, at - _NEGATION_REACH) : at]
    near = [*words[max(0, at - 1) : at], *words[at + size : at + size + 1]]
    scale = _NEGATED if any(_negates(word) for word in before) else 1.0
    if any(word in _AMPLIFIERS for word in near):
        scale *= _AMPLIFIED
    if any(word in _DAMPENERS for word in near):
        scale *= _DAMPENED
    return scale


def _negates(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def _compared(text: str, words: Sequence[str]) -> Iterable[LexiconHit]:
    """Return a hit for an amount beside an earlier one, unless a word of movement has said it already."""
    found = _COMPARED.search(text)
    if found is None or any(word in _RISES or word in _FALLS or word in _DIRECTIONS for word in words):
        return
    is_pain = any(word in _PAINS for word in words)
    if not is_pain and not any(word in _GAINS for word in words):
        return
    now, then = (float(amount.replace(",", "")) if _is_plain(amount) else None for amount in found.groups())
    if now is None or then is None or now == then:
        return
    weight = _COMPARED_WEIGHT if (now > then) != is_pain else -_COMPARED_WEIGHT
    yield LexiconHit(f"{found.group(1)} against {found.group(2)}", weight)


def _is_plain(amount: str) -> bool:
    return amount.count(".") <= 1


def _read(weighed: dict[float, str], divider: str | None) -> dict[tuple[str, ...], float]:
    return {
        tuple(_WORD.findall(term)): weight
        for weight, terms in weighed.items()
        for term in terms.split(divider)
        if term.strip()
    }


_TERMS: Final = {**_read(table.WORDS, None), **_read(table.PHRASES, ";")}
_PHRASE_SIZES: Final = {
    first: max(len(term) for term in _TERMS if term[0] == first) for first in {term[0] for term in _TERMS}
}
_RISES: Final = frozenset(table.RISES.split())
_FALLS: Final = frozenset(table.FALLS.split())
_WEIGHED: Final = frozenset(_PHRASE_SIZES) | _RISES | _FALLS | frozenset(_DIRECTIONS)
_PAINS: Final = frozenset(table.PAINS.split())
_GAINS: Final = frozenset(table.GAINS.split())
_NEGATIONS: Final = frozenset(table.NEGATIONS.split())
_AMPLIFIERS: Final = frozenset(table.AMPLIFIERS.split())
_DAMPENERS: Final = frozenset(table.DAMPENERS.split())
