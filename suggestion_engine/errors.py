"""Why there is no suggestion.

DomainError
├── TooFewBars         too_few_bars        a history shorter than what is asked of it
└── ReferenceRefused   reference_refused   a file, or rows, that are no reference universe of these features
"""

from __future__ import annotations

from typing import ClassVar

from market_data.errors import DomainError


class TooFewBars(DomainError):
    """Fewer bars than a computation needs; carries both counts."""

    code: ClassVar[str] = "too_few_bars"

    def __init__(self, symbol: str, *, needed: int, had: int) -> None:
        super().__init__(f"{symbol} must have at least {needed} bars, it had {had}")
        self.needed = needed
        self.had = had


class ReferenceRefused(DomainError):
    code: ClassVar[str] = "reference_refused"
