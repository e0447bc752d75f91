"""The errors of market data and of the engines. Each is a ValueError and carries a stable `code`.

    ValueError
    └── DomainError                invalid_value         a value broke a rule of its domain
        ├── BarsInvalid            invalid_bars          columns that are not price bars
        ├── InvalidSymbol          invalid_symbol        a text that cannot be a symbol
        ├── UnknownSymbol          unknown_symbol        a symbol that the source has never heard of
        ├── NoBars                 no_bars               no bars in the range or timeframe of a known symbol
        ├── ProviderUnavailable    provider_unavailable  a source that gave no answer; carries `retry_after_s`
        │   ├── ProviderTimedOut   provider_timed_out    a source that gave none in time
        │   └── RateLimited        rate_limited          a source that was asked too often, by its count or ours
        ├── NewsRefused            news_refused          a source of news that will not answer this, however often asked
        │   └── KeyRefused         key_refused           a source that will not answer our key, whatever is asked
        └── ImportRefused          import_refused        a file that cannot be imported; carries `line`

They are ValueErrors because pydantic turns only those (and assertions) into a validation error; any other
exception raised inside a validated dataclass would escape as a fault of the server.
"""

from __future__ import annotations

from typing import ClassVar, Final

RETRY_AFTER_S: Final = 60.0


class DomainError(ValueError):
    """A value that breaks a rule of its domain: the text says what was expected and what it was."""

    code: ClassVar[str] = "invalid_value"


class BarsInvalid(DomainError):
    code: ClassVar[str] = "invalid_bars"


class InvalidSymbol(DomainError):
    code: ClassVar[str] = "invalid_symbol"


class UnknownSymbol(DomainError):
    code: ClassVar[str] = "unknown_symbol"


class NoBars(DomainError):
    code: ClassVar[str] = "no_bars"


class ProviderUnavailable(DomainError):
    code: ClassVar[str] = "provider_unavailable"

    def __init__(self, message: str, *, retry_after_s: float = RETRY_AFTER_S) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderTimedOut(ProviderUnavailable):
    code: ClassVar[str] = "provider_timed_out"


class RateLimited(ProviderUnavailable):
    code: ClassVar[str] = "rate_limited"


class NewsRefused(DomainError):
    code: ClassVar[str] = "news_refused"


class KeyRefused(NewsRefused):
    code: ClassVar[str] = "key_refused"


class ImportRefused(DomainError):
    """A file that is not imported; `line` counts from 1 (the header), None blames the whole file."""

    code: ClassVar[str] = "import_refused"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.line = line


def require(condition: bool, message: str) -> None:  # noqa: FBT001 -- reads as an assertion: require(a < b, "...")
    """Raise DomainError with `message` unless `condition` holds."""
    if not condition:
        raise DomainError(message)
