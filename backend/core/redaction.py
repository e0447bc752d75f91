"""Keeps secrets out of logs: the ones that the settings hold, and whatever looks like one.

A safety net, not a licence: nobody logs a secret on purpose, but an error's text may quote an address or a header.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from backend.settings import Settings

HIDDEN = "[redacted]"
SHORTEST_SECRET = 6
"""Shorter ones would hide common words and numbers, and are no secrets."""

_PATTERNS: Sequence[tuple[re.Pattern[str], str]] = (
    (re.compile(r"\bait_[0-9a-f]{16}_[\w-]{16,}"), f"ait_{HIDDEN}"),
    (re.compile(r"\bwhsec_[\w+/=-]{16,}"), f"whsec_{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"://([^/\s:@]*):[^/\s@]+@"), rf"://\1:{HIDDEN}@"),
    (
        re.compile(
            r"(?i)\b([\w-]*(?:api_?key|apikey|token|secret|password|passwd))([\"']?\s*[=:]\s*[\"']?)[^\s&\"',;}]+"
        ),
        rf"\1\2{HIDDEN}",
    ),
)
_SECRET_NAME = re.compile(r"(?i)(?:^|[_-])(?:password|passwd|secret|token|api_?key|apikey|authorization|cookie)$")
_MAY_HOLD_ONE = re.compile(r"(?i)ait_|whsec_|bearer|basic|://|key|token|secret|passw")


class Redactor:
    """Hides secrets in texts and in the values of fields."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long_enough = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        longest_first = sorted(long_enough, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        if _MAY_HOLD_ONE.search(text):
            for pattern, instead in _PATTERNS:
                text = pattern.sub(instead, text)
        return text

    def field(self, name: str, value: Any) -> Any:  # Any: whatever somebody logged
        """Return the value of a field without secrets; one whose name says that it is a secret is hidden whole."""
        if _names_a_secret(name):
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int | float | None):
            return value
        if isinstance(value, Mapping):
            return {key: self.field(str(key), inner) for key, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.field("", inner) for inner in value]
        return value


@lru_cache(maxsize=1_000)
def _names_a_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def secrets_of(settings: Settings) -> frozenset[str]:
    """Return every secret that the settings hold: keys, and the passwords in addresses."""
    return frozenset(_secrets_in(settings))


def _secrets_in(group: BaseModel) -> Iterable[str]:
    for name in type(group).model_fields:
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            yield from _secrets_in(value)
        elif isinstance(value, SecretStr):
            yield value.get_secret_value()
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                yield from _password_in(text)


def _password_in(text: str) -> Iterable[str]:
    if "://" not in text:
        return
    try:
        password = urlsplit(text).password
    except ValueError:  # such as half an IPv6 address
        return
    if password:
        yield password
        yield unquote(password)
