"""Price bars, the words for them (symbol, timeframe, errors), and the sources they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_data.errors import (
    BarsInvalid,
    DomainError,
    ImportRefused,
    InvalidSymbol,
    NoBars,
    ProviderUnavailable,
    UnknownSymbol,
)

if TYPE_CHECKING:
    from market_data.bars import Bars

__all__ = [
    "Bars",
    "BarsInvalid",
    "DomainError",
    "ImportRefused",
    "InvalidSymbol",
    "NoBars",
    "ProviderUnavailable",
    "UnknownSymbol",
]


def __getattr__(name: str) -> type[Bars]:
    # The web process reads the errors at start-up and must not load numpy for it.
    if name == "Bars":
        from market_data.bars import Bars  # noqa: PLC0415 -- late on purpose, see above

        return Bars
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
