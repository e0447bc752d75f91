"""Which companies a text names, and the clause about each.

    $AAPL, <AAPL.O>, (NASDAQ: AAPL)      always a symbol, unless it is an amount ($bn, $US)
    $aapl                                for symbols of the table and the caller's
    Apple, Johnson & Johnson             names of the table and of the caller, as they are written
    AAPL                                 bare, for symbols of the table of three letters or more, and the caller's

A headline often says one thing of one company and the opposite of another. So where a text names several, each gets
the clauses that name it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sentiment_engine.companies import COMPANIES, PLAIN_WORDS
from sentiment_engine.lexicon import lexicon_score

Names = Mapping[str, Sequence[str]]

_CODE: Final = re.compile(
    r"(?<![\w$])\$(?P<cashtag>[A-Za-z]{1,5}(?:[.-][A-Za-z])?)\b(?![-.]?\d)"
    r"|<(?P<ric>[A-Z]{1,6})\.[A-Z]{1,2}>"
    r"|\((?:NYSE|NASDAQ|Nasdaq|NasdaqGS|AMEX)\s?:\s?(?P<listed>[A-Z]{1,5}(?:[.-][A-Z])?)\)"
)
_WORD_START: Final = re.compile(r"(?<![\w$&.-])[A-Z0-9e][\w&]*")
_SAYS_COMPANY: Final = re.compile(
    r"'s?\b|\s+(?:Inc|Corp|Corporation|Co|Motor|Plc|PLC|Group|Holdings|Ltd|Technologies|shares?|stock|Shares?|Stock)\b"
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'$])|\s*[;|]\s+|\s+-{1,2}\s+")
_TURN: Final = re.compile(
    r"[,]?\s+(?:but|while|whereas|although|though|however|whilst|yet|as opposed to)\s+", re.IGNORECASE
)
_SOFT_TURN: Final = re.compile(r",\s+(?:and\s+)?|\s+and\s+", re.IGNORECASE)
# "Tesla cut at Citi", "target raised by Goldman": the bank is who says it, not whom it is about.
_SOURCE: Final = re.compile(r"\b(?:at|by|from)\s$", re.IGNORECASE)
_ANALYST: Final = re.compile(
    r"\b(?:(?:up|down)grade[sd]?|cut|raised|lowered|lifted|started|starts|initiated|coverage|rating|rated|target|buy|sell"
    r"|neutral|overweight|underweight|outperform|underperform|hold)\b",
    re.IGNORECASE,
)
# "A $bn deal", "sales in $US": amounts and currencies, which no text means as symbols. The short ones are symbols, too,
# but in capitals alone.
_AMOUNTS: Final = """
    BN BLN BIL TN TRN TRLN MN MLN MIL MM US USD AUD CAD NZD HKD SGD TWD EUR GBP
"""
_AMOUNT_WORDS: Final = frozenset(_AMOUNTS.split())
_SHORT_AMOUNTS: Final = frozenset({"b", "k", "m", "t"})
_MIN_BARE: Final = 3
_MAX_CHARS: Final = 20_000
_MAX_ENTITIES: Final = 20
_STATEMENT_CHARS: Final = 600
_MAX_SOFT_TURNS: Final = 200  # a sentence has a dozen; a text of a thousand commas is no prose
_CAPITALS_FRAC: Final = 0.7
_TITLE_CHARS: Final = 400


@dataclass(frozen=True)
class Mention:
    """A company named in a text, at text[start:end]; `symbol` in capitals, `name` as the text has it."""

    name: str
    symbol: str
    start: int
    end: int
    is_code: bool


@dataclass(frozen=True)
class Entity:
    """A company that a text names, all its mentions, and the clauses that name it, joined."""

    name: str
    symbol: str
    mentions: tuple[Mention, ...]
    clause: str


def find_entities(cleaned: str, names: Names | None = None) -> tuple[Entity, ...]:
    """Return the companies that a cleaned text names, in the order of their first mention; at most 20.

    names: symbol -> names of companies to know besides the table's. Reads the first 20,000 characters.
    """
    text = cleaned[:_MAX_CHARS]
    mentions = find_mentions(text, names)
    symbols = list(dict.fromkeys(mention.symbol for mention in mentions))[:_MAX_ENTITIES]
    if not symbols:
        return ()
    if len(symbols) == 1:
        return (Entity(mentions[0].name, symbols[0], tuple(mentions), text),)
    spans = _clauses(text, mentions)
    return tuple(_entity(text, symbol, mentions, spans) for symbol in symbols)


def find_mentions(text: str, names: Names | None = None) -> list[Mention]:
    """Return all mentions in their order; of two that overlap the longer one."""
    key = () if names is None else tuple(sorted((symbol.upper(), tuple(own)) for symbol, own in names.items()))
    index = _index(key)
    found = [*_codes(text, _known(key)), *_names(text, index)]
    found.sort(key=lambda one: (one.start, -one.end))
    kept: list[Mention] = []
    for mention in found:
        if not kept or mention.start >= kept[-1].end:
            kept.append(mention)
    if len(kept) < 2 or _ANALYST.search(text) is None:  # noqa: PLR2004 -- a text's only company is its subject
        return kept
    return [mention for mention in kept if not _is_source(text, mention)]


@dataclass(frozen=True)
class _Name:
    text: str
    symbol: str
    needs_context: bool
    is_code: bool


def _codes(text: str, known: AbstractSet[str]) -> list[Mention]:
    found = []
    for match in _CODE.finditer(text):
        symbol = next(group for group in match.groups() if group is not None)
        if match.group("cashtag") is None or _is_cashtag(symbol, known):
            found.append(Mention(match.group(0), symbol.upper(), match.start(), match.end(), is_code=True))
    return found


def _is_cashtag(symbol: str, known: AbstractSet[str]) -> bool:
    if symbol.upper() in _AMOUNT_WORDS or symbol in _SHORT_AMOUNTS:
        return False
    return symbol.isupper() or symbol.upper() in known


def _names(text: str, index: Mapping[str, Sequence[_Name]]) -> list[Mention]:
    is_shouted = _is_shouted(text)
    found = []
    for start in _WORD_START.finditer(text):
        for name in index.get(start.group(0), ()):
            end = start.start() + len(name.text)
            if not text.startswith(name.text, start.start()) or text[end : end + 1].isalnum():
                continue
            if name.needs_context and (is_shouted or not _SAYS_COMPANY.match(text, end)):
                continue
            if not (name.is_code and is_shouted):
                found.append(Mention(name.text, name.symbol, start.start(), end, is_code=name.is_code))
                break
    return found


def _is_source(text: str, mention: Mention) -> bool:
    before = text[max(0, mention.start - 6) : mention.start]
    return _SOURCE.search(before) is not None


def _is_shouted(text: str) -> bool:
    """Return whether a text is written in capitals: a word of it can then not be told from a symbol."""
    head = text[:_TITLE_CHARS]
    capitals = sum(map(str.isupper, head))
    is_long = len(head.split()) > 4  # noqa: PLR2004 -- fewer words in capitals are a list of symbols
    return is_long and capitals > _CAPITALS_FRAC * (capitals + sum(map(str.islower, head)))


@lru_cache(maxsize=32)
def _index(own: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, list[_Name]]:
    """Return names by their first word, longest first."""
    names = [_Name(name.rstrip("*"), symbol, name.endswith("*"), is_code=False) for name, symbol in COMPANIES.items()]
    plain = frozenset(PLAIN_WORDS.split())
    bare = {symbol for symbol in COMPANIES.values() if len(symbol) >= _MIN_BARE and symbol not in plain}
    for symbol, called in own:
        names += [_Name(name.strip(), symbol, needs_context=False, is_code=False) for name in called if name.strip()]
        bare.add(symbol)
    names += [_Name(symbol, symbol, needs_context=False, is_code=True) for symbol in sorted(bare)]
    index: dict[str, list[_Name]] = {}
    for name in sorted(names, key=lambda one: (-len(one.text), one.text)):
        first = _WORD_START.match(name.text)
        if first is not None:
            index.setdefault(first.group(0), []).append(name)
    return index


@lru_cache(maxsize=32)
def _known(own: tuple[tuple[str, tuple[str, ...]], ...]) -> frozenset[str]:
    """Return the symbols of the table and the caller's."""
    return frozenset(COMPANIES.values()) | {symbol for symbol, _ in own}


def _entity(text: str, symbol: str, mentions: Sequence[Mention], spans: Sequence[tuple[int, int]]) -> Entity:
    own = tuple(mention for mention in mentions if mention.symbol == symbol)
    starts = [one.start for one in own]
    clauses = [text[start:end] for start, end in spans if bisect_left(starts, start) < bisect_left(starts, end)]
    return Entity(own[0].name, symbol, own, " ".join(clause.strip(" ,;-") for clause in clauses))


def _clauses(text: str, mentions: Sequence[Mention]) -> list[tuple[int, int]]:
    """Return where the clauses begin and end: sentences, cut at turns, cut at commas that part two statements."""
    spans = _cut([(0, len(text))], _SENTENCE_END, text)
    spans = _cut(spans, _TURN, text)
    starts = [mention.start for mention in mentions]
    parts: list[tuple[int, int]] = []
    turns_left = _MAX_SOFT_TURNS
    for span in spans:
        turns = [match.span() for match, _ in zip(_SOFT_TURN.finditer(text, *span), range(turns_left), strict=False)]
        turns_left -= len(turns)
        parts += _softly_cut(span, turns, text, starts) if turns else [span]
    return parts


def _cut(spans: list[tuple[int, int]], at: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    parts = []
    for start, end in spans:
        begin = start
        for match in at.finditer(text, start, end):
            parts.append((begin, match.start()))
            begin = match.end()
        parts.append((begin, end))
    return [(begin, stop) for begin, stop in parts if text[begin:stop].strip()]


def _softly_cut(
    span: tuple[int, int], turns: Sequence[tuple[int, int]], text: str, mentioned: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the span cut at the commas and "and"s on both sides of which a company is named and a judgement made.

    What lies between two turns is judged once, whatever the number of turns that look at it.
    """
    begin, end = span
    pieces = list(zip([begin, *(stop for _, stop in turns)], [*(start for start, _ in turns), end], strict=True))
    judged = [start for start, stop in pieces if lexicon_score(text[start:stop]).hits]
    parts = []
    for start, stop in turns:
        left = (max(begin, start - _STATEMENT_CHARS), start)
        right = (stop, min(end, stop + _STATEMENT_CHARS))
        if all(_holds(places, *side) for side in (left, right) for places in (judged, mentioned)):
            parts.append((begin, start))
            begin = stop
    return [*parts, (begin, end)]


def _holds(places: Sequence[int], start: int, end: int) -> bool:
    """Return whether one of the places, in their order, lies at `start` or after it and before `end`."""
    return bisect_left(places, start) < bisect_left(places, end)
