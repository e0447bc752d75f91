"""Reading what vendors send: JSON whose shape is only hoped for, and text that may be HTML."""

from __future__ import annotations

import html
import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urlsplit

from market_data.errors import ProviderUnavailable

MAX_TITLE_LENGTH: Final = 1_000
MAX_SUMMARY_LENGTH: Final = 10_000
MAX_PUBLISHER_LENGTH: Final = 200
_NOT_IN_URLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f]+")
_UNSEEN: Final = frozenset({"script", "style", "template"})
_WITHIN_WORDS: Final = frozenset({"a", "b", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup", "u"})


def parsed_json(body: bytes, whose: str) -> Any:  # Any: JSON of any shape
    """Return what the body says; raise ProviderUnavailable when it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProviderUnavailable(f"{whose} was to answer with JSON, was {body[:40]!r}") from error


def entries_of(value: Any, whose: str) -> list[dict[str, Any]]:  # Any: JSON of any shape
    """Return the objects in a list; raise ProviderUnavailable when it is no list."""
    if not isinstance(value, list):
        raise ProviderUnavailable(f"{whose} was to answer with a list of articles, was {type(value).__name__}")
    return [entry for entry in value if isinstance(entry, dict)]


def text_at(entry: Any, *path: str) -> str:  # Any: JSON of any shape
    """Return the text at a path of names, empty when there is none."""
    for name in path:
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry.strip() if isinstance(entry, str) else ""


def title_of(text: str) -> str:
    return plain_text(text, MAX_TITLE_LENGTH)


def summary_of(text: str) -> str:
    return plain_text(text, MAX_SUMMARY_LENGTH)


def publisher_of(text: str) -> str | None:
    """Return the publisher's name as plain text, None when there is none."""
    return plain_text(text, MAX_PUBLISHER_LENGTH) or None


def plain_text(text: str, max_length: int) -> str:
    """Return `text` without HTML and control characters, in one line of at most `max_length`."""
    reader = _TextReader()
    # What the reader takes for a broken declaration, it refuses; what stood before is kept.
    with suppress(AssertionError):
        reader.feed(text[: 20 * max_length])
        reader.close()
    # Feeds escape their HTML once more than they need to.
    told = html.unescape("".join(reader.parts))
    return _SPACE.sub(" ", told.encode(errors="ignore").decode()).strip()[:max_length]


def http_url(text: str) -> str | None:
    """Return the address if a reader could open it; a link may be anything, `javascript:` included."""
    if not text.startswith(("http://", "https://")) or len(text) > MAX_SUMMARY_LENGTH or _NOT_IN_URLS.search(text):
        return None
    try:
        return text if urlsplit(text).hostname else None
    except ValueError:  # such as half an IPv6 address
        return None


def utc_of_seconds(seconds: object) -> datetime | None:
    """Return the moment so many seconds after 1970; None for what is no such number, or absurd."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


class _TextReader(HTMLParser):
    """Keeps what a page would show. `<AAPL.O>` is a ticker, not a tag, and stays."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _UNSEEN:
            self._unseen += 1
        elif "." in tag:
            self.parts.append(self.get_starttag_text() or "")
        elif tag not in _WITHIN_WORDS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN and self._unseen:
            self._unseen -= 1
        elif tag not in _WITHIN_WORDS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)
