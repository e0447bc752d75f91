"""Sentences of our own, in the language of company news, that the tweets lack.

Tweets about markets speak of analysts, premarket moves and earnings beats; agencies and companies write of profits
that rose from one figure to another, orders won, plants closed and losses that narrowed. Templates with slots teach
the model that a rising cost is bad, a falling loss is good and an address is nothing. Everything here was written for
this project; no sentence is taken from a data set.
"""

from __future__ import annotations

import random
import re
from typing import Final

from training.sentiment.sentence_table import SLOTS, TEMPLATES, UNITS
from training.sentiment.tweets import LABELS, Texts

_SLOT: Final = re.compile(r"\{(\w+)\}")
_SHARES: Final = {"negative": 0.32, "neutral": 0.34, "positive": 0.34}


def sentences(count: int, *, seed: int) -> Texts:
    """Return `count` sentences with their labels, drawn from the templates; the same seed gives the same."""
    chance = random.Random(seed)  # noqa: S311 -- a repeatable draw, no secret
    labels = chance.choices(LABELS, [_SHARES[label] for label in LABELS], k=count)
    texts = tuple(_filled(chance.choice(TEMPLATES[label]), chance) for label in labels)
    return Texts(texts, tuple(LABELS.index(label) for label in labels))


def _filled(template: str, chance: random.Random) -> str:
    low = round(chance.uniform(0.4, 1.0) * 10 ** chance.uniform(0.2, 2.6), 1)
    high = round(low * chance.uniform(1.05, 2.4) + 0.1, 1)
    unit = chance.choice(UNITS)
    fixed = {"low": unit.format(low), "high": unit.format(high), "pct": _percent(chance)}

    def fill(match: re.Match[str]) -> str:
        slot = match.group(1)
        return fixed[slot] if slot in fixed else _SLOT.sub(fill, chance.choice(SLOTS[slot]))

    text = _SLOT.sub(fill, template)
    return text[0].upper() + text[1:]


def _percent(chance: random.Random) -> str:
    number = chance.choice((f"{chance.uniform(0.2, 40):.1f}", f"{chance.randint(2, 60)}"))
    return number + chance.choice(("%", " %", " percent", " per cent", "%"))
