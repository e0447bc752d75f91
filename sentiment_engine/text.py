"""Cleaning: what a person would read of a text, and the part of it that the model is shown.

Two steps, since they serve two readers. `clean` takes away what is markup: entities and lexicon work on its result.
`model_input` also takes away names that carry no opinion (leading cashtags, Reuters codes, exchange brackets), which a
model would learn by heart. Training and scoring call the same two functions, so the model sees what it was taught on.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

# Only names that HTML knows: Reuters writes tickers as <AAPL.O>, and those are content.
_TAGS: Final = (
    "a|abbr|article|aside|audio|b|blockquote|body|br|button|center|cite|code|dd|div|dl|dt|em|figcaption|figure|font|footer"
    "|form|h[1-6]|head|header|hr|html|i|iframe|img|input|label|li|link|main|meta|nav|ol|p|picture|pre|q|s|section|small"
    "|source|span|strong|sub|sup|svg|table|tbody|td|tfoot|th|thead|time|title|tr|u|ul|video"
)
_UNSEEN: Final = re.compile(r"<(script|style)\b|<!(--)", re.IGNORECASE)
_UNSEEN_ENDS: Final = {
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
    "--": re.compile("-->"),
}
_TAG: Final = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_URL: Final = re.compile(r"\b(?:https?://|www\.)\S+|\bpic\.twitter\.com/\S+", re.IGNORECASE)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_SPACE: Final = re.compile(r"\s+")
_QUOTES: Final = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": "-",
        "\u00ad": None,
        "\ufeff": None,
    }
)

_RETWEET: Final = re.compile(r"^(?:RT\s+)?@\w+\s*:?\s+", re.IGNORECASE)
_LEADING_CASHTAGS: Final = re.compile(
    r"^(?:[\s,;:/&|-]*\$[A-Za-z][A-Za-z0-9]{0,5}(?:[.-][A-Za-z]{1,2})?\b)+[\s,;:/&|-]*"
)
_STORY_CODE: Final = re.compile(r"\[[A-Za-z0-9/.:]{2,16}\]")
_RIC: Final = re.compile(r"\s*<[.=A-Za-z0-9^-]{1,12}>")
_EXCHANGE: Final = re.compile(
    r"\s*\((?:NYSE|NASDAQ|NASDAQGS|AMEX|NYSEARCA|OTC\w*|LON|LSE|EPA|ETR|TSE|TSX|HKG|ASX|SWX|STO|HEL)\s?:\s?[A-Z0-9.-]{1,8}\)",
    re.IGNORECASE,
)
_HASH: Final = re.compile(r"#(?=\w)")
_NAMING: Final = re.compile(r"[@$\[<(#]|\.\.")  # without one of these none of the patterns above or below is there
_ELLIPSIS: Final = re.compile(r"(?<!\.)\.{3,}\s*$")


def clean(text: str) -> str:
    """Return `text` without markup, addresses and control characters, in one line with single spaces."""
    plain = _without_tags(html.unescape(_without_tags(text)))  # twice: feeds escape their HTML once more
    plain = _URL.sub(" ", plain)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).translate(_QUOTES)
    if not plain.isprintable():
        plain = "".join(" " if unicodedata.category(char) in _INVISIBLE else char for char in plain)
    return _SPACE.sub(" ", plain).strip()


def model_input(cleaned: str) -> str:
    """Return what the model is shown of a cleaned text: names and codes that carry no opinion are left out."""
    if _NAMING.search(cleaned) is None:
        return _SPACE.sub(" ", cleaned).strip() or cleaned
    shown = _LEADING_CASHTAGS.sub("", _RETWEET.sub("", cleaned))
    shown = _EXCHANGE.sub("", _RIC.sub("", _STORY_CODE.sub("", shown)))
    shown = _ELLIPSIS.sub("", _HASH.sub("", shown))
    return _SPACE.sub(" ", shown).strip() or cleaned


def has_words(cleaned: str) -> bool:
    """Return whether a cleaned text holds a letter: emoji, numbers and signs alone say nothing that can be scored."""
    return any(char.isalpha() for char in cleaned)


def _without_tags(text: str) -> str:
    if "<" not in text:
        return text
    return _TAG.sub(" ", _without_unseen(text))


def _without_unseen(text: str) -> str:
    """Return `text` without comments, scripts and styles; one that never ends is left to be read as text.

    Looked for from left to right, each place once: a pattern that spans both ends would take quadratic time on a text
    of a million openings.
    """
    parts = []
    at = 0
    while (start := _UNSEEN.search(text, at)) is not None:
        end = _UNSEEN_ENDS[(start.group(1) or start.group(2)).lower()].search(text, start.end())
        if end is None:
            break
        parts += [text[at : start.start()], " "]
        at = end.end()
    return "".join([*parts, text[at:]])
