"""Which texts repeat one another: the same headline from ten sources is one piece of news.

    1. Texts that are equal after cleaning, without case, punctuation and a trailing source, are one.
    2. Of the others, MinHash signatures over words and pairs of words find candidates (16 bands of 4 of 64 hashes:
       a pair with Jaccard 0.7 is missed in 1 % of cases), and the exact Jaccard similarity decides.
    3. Texts with different numbers are different news: "up 3%" does not repeat "up 5%".

Groups are what joined texts connect. Whether two texts are joined depends on these two alone while at most 40 distinct
texts fall into a bucket; in a fuller one each is compared only with the first of them by the alphabet, so two that are
alike may stay apart, and a third may decide. The order in which texts come changes nothing in either case.
Broder (1997), "On the resemblance and containment of documents".
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from market_data.errors import require
from sentiment_engine.text import clean

SIMILAR: Final = 0.7
_WORD: Final = re.compile(r"\w+(?:[.,]\d+)*%?")
_SOURCE: Final = re.compile(r"\s[-|]\s(?:[A-Z][\w.']*\s?){1,3}$")
_N_HASHES: Final = 64
_N_BANDS: Final = 16
_WHOLLY_COMPARED: Final = 40
_READ_CHARS: Final = 4_000
_SEED: Final = 1997


def duplicate_groups(texts: Sequence[str], *, similar: float = SIMILAR) -> NDArray[np.int64]:
    """Return for each text the lowest index among the texts it repeats, itself included; shape (n,).

    similar: Jaccard similarity of words and pairs of words from which on two texts are one, 0 to 1.
    A text without words repeats only its equal. Takes time linear in the texts, but for those alike.
    """
    require(0 < similar <= 1, f"similar must lie above 0 and at most at 1, it was {similar}")
    shingled = [_shingled(text) for text in texts]
    first: dict[str, int] = {}
    parents = np.array([first.setdefault(one.key, row) for row, one in enumerate(shingled)], dtype=np.int64)
    distinct = [row for row in first.values() if shingled[row].hashes.size]
    for left, right in _candidates(shingled, distinct):
        if _are_one(shingled[left], shingled[right], similar):
            _join(parents, left, right)
    return np.array([_root(parents, row) for row in range(len(texts))], dtype=np.int64)


@dataclass(frozen=True)
class _Shingled:
    key: str
    numbers: frozenset[str]
    hashes: NDArray[np.uint64]


def _shingled(text: str) -> _Shingled:
    words = _WORD.findall(_SOURCE.sub("", clean(text[: 4 * _READ_CHARS])[:_READ_CHARS]).casefold())
    shingles = {*words, *(f"{one} {two}" for one, two in pairwise(words))}
    hashes = np.array(sorted({zlib.crc32(shingle.encode()) for shingle in shingles}), dtype=np.uint64)
    return _Shingled(
        key=" ".join(words) or text.strip(),
        numbers=frozenset(word for word in words if word[0].isdigit()),
        hashes=hashes,
    )


def _candidates(shingled: Sequence[_Shingled], rows: Sequence[int]) -> set[tuple[int, int]]:
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for row in rows:
        signature = _signature(shingled[row].hashes)
        for band, part in enumerate(signature.reshape(_N_BANDS, -1)):
            buckets[band, part.tobytes()].append(row)
    pairs: set[tuple[int, int]] = set()
    for members in buckets.values():
        if len(members) <= _WHOLLY_COMPARED:
            pairs.update(combinations(members, 2))
        else:  # very many alike: each beside one of them, the same one whatever their order
            anchor = min(members, key=lambda row: shingled[row].key)
            pairs.update((min(anchor, row), max(anchor, row)) for row in members if row != anchor)
    return pairs


def _signature(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (hashes[:, None] * _FACTORS[None, :] + _SHIFTS[None, :]) >> np.uint64(32)
    lowest: NDArray[np.uint64] = mixed.min(axis=0)
    return lowest


def _are_one(left: _Shingled, right: _Shingled, similar: float) -> bool:
    if left.numbers != right.numbers:
        return False
    shared = np.intersect1d(left.hashes, right.hashes, assume_unique=True).size
    return bool(shared >= similar * (left.hashes.size + right.hashes.size - shared))


def _join(parents: NDArray[np.int64], left: int, right: int) -> None:
    one, two = _root(parents, left), _root(parents, right)
    parents[max(one, two)] = min(one, two)


def _root(parents: NDArray[np.int64], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = int(parents[row])
    return row


_CHANCE: Final = np.random.default_rng(_SEED)
_FACTORS: Final = _CHANCE.integers(1, 2**63, _N_HASHES, dtype=np.uint64) | np.uint64(1)
_SHIFTS: Final = _CHANCE.integers(0, 2**63, _N_HASHES, dtype=np.uint64)
