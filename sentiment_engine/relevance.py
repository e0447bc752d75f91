"""How much a text is about one of the companies it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sentiment_engine.entities import Entity

_SHARE: Final = 0.45
_EARLY: Final = 0.3
_OFTEN: Final = 0.15
_CODE: Final = 0.1
_OFTEN_ENOUGH: Final = 3
_TITLE_CHARS: Final = 120


def relevance_of(symbol: str, entities: Sequence[Entity]) -> float:
    """Return how much a text is about `symbol`, from 0 (not named) to 1.

    entities: all that the text names, as `find_entities` returns them.
    0.45 * its share of all mentions + 0.3 * (1 - position of the first mention / 120 characters, at least 0)
    + 0.15 * min(mentions, 3) / 3 + 0.1 when it is named by its code ($AAPL).
    """
    own = next((entity for entity in entities if entity.symbol == symbol), None)
    if own is None:
        return 0.0
    count = len(own.mentions)
    share = count / sum(len(entity.mentions) for entity in entities)
    early = max(0.0, 1 - own.mentions[0].start / _TITLE_CHARS)
    often = min(count, _OFTEN_ENOUGH) / _OFTEN_ENOUGH
    is_coded = any(mention.is_code for mention in own.mentions)
    return _SHARE * share + _EARLY * early + _OFTEN * often + _CODE * is_coded
