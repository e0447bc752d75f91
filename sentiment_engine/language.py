"""The language of a text, by its script and its small words; made for headlines, which are short and full of names.

English is the answer unless something speaks against it: a headline of names and numbers has no language that a
statistical detector could find, and would be called anything. So another language needs words or letters of its own,
and more of them than the text has English words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from sentiment_engine.language_table import ENGLISH, LETTERS, OTHERS, SCRIPTS

DEFAULT_LANGUAGE: Final = "en"
UNKNOWN_LANGUAGE: Final = "und"
_WORD: Final = re.compile(r"(?<![$#@\w])[^\W\d_]+")  # the letters of a cashtag are no word
_READ_CHARS: Final = 2_000
_FOREIGN_SCRIPT_FRAC: Final = 0.3
_LETTER_WEIGHT: Final = 0.6
_ENOUGH: Final = 1.5
_ASCII: Final = 128


def detect_language(cleaned: str) -> str:
    """Return the ISO 639-1 code of a cleaned text's language; "und" for one without letters.

    Reads the first 2,000 characters. Knows English, twelve other languages in Latin letters, and fourteen scripts that
    stand for one language each (all Cyrillic is called "ru").
    """
    text = cleaned[:_READ_CHARS]
    if not any(char.isalpha() for char in text):
        return UNKNOWN_LANGUAGE
    by_script = None if text.isascii() else _by_script(text)
    return by_script if by_script is not None else _by_words(_WORD.findall(text.lower()))


def _by_script(text: str) -> str | None:
    letters = [char for char in text if char.isalpha()]
    scripts = Counter(_script(char) for char in letters if ord(char) >= _ASCII)
    foreign = Counter({script: count for script, count in scripts.items() if script in SCRIPTS})
    if foreign.total() < _FOREIGN_SCRIPT_FRAC * len(letters):
        return None
    if foreign["HIRAGANA"] + foreign["KATAKANA"]:
        return "ja"  # Japanese mixes kana with the characters of Chinese
    return SCRIPTS[foreign.most_common(1)[0][0]]


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "?").split(" ")[0]


def _by_words(words: Sequence[str]) -> str:
    speaking = [word for word in words if word in _LANGUAGES_OF or not word.isascii()]
    if not speaking:
        return DEFAULT_LANGUAGE
    evidence: dict[str, float] = {}
    for word in speaking:
        for language in _LANGUAGES_OF.get(word, ()):
            evidence[language] = evidence.get(language, 0.0) + 1.0
        for language in _languages_by_letters(word):
            evidence[language] = evidence.get(language, 0.0) + _LETTER_WEIGHT
    if not evidence:
        return DEFAULT_LANGUAGE
    english = sum(word in _ENGLISH for word in words)
    language, found = max(evidence.items(), key=lambda one: one[1])
    is_enough = found >= _ENOUGH or (found >= 1 and len(words) <= 3)  # noqa: PLR2004 -- a headline of three words
    return language if is_enough and found > english else DEFAULT_LANGUAGE


def _languages_by_letters(word: str) -> Sequence[str]:
    if word.isascii():
        return ()
    return [language for language, letters in LETTERS.items() if any(char in letters for char in word)]


_ENGLISH: Final = frozenset(ENGLISH.split())
_LANGUAGES_OF: Final[dict[str, tuple[str, ...]]] = {
    word: tuple(language for language, words in OTHERS.items() if word in words.split())
    for word in {word for words in OTHERS.values() for word in words.split()}
    if word not in _ENGLISH
}
