"""Where bars come from: one file a vendor, one line each in PROVIDERS. This is the part that does I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, Protocol

from market_data.bars import Bars
from market_data.errors import DomainError
from market_data.timeframe import Timeframe


class Provider(Protocol):
    """A source of bars. `is_live`: its bars change over time, so that asking again may bring more."""

    @property
    def name(self) -> str: ...

    @property
    def is_live(self) -> bool: ...

    def fetch(self, symbol: str, timeframe: Timeframe) -> Bars:
        """Return all closed bars that the source has; raise UnknownSymbol, NoBars or ProviderUnavailable.

        UnknownSymbol and NoBars are final answers; ProviderUnavailable says when to ask again.
        """
        ...


# Each vendor's class, by the path to it: its library may be slow to import, so only those asked for are.
PROVIDERS: Final[Mapping[str, str]] = {
    "sample": "market_data.providers.sample:SampleProvider",
    "yfinance": "market_data.providers.yfinance:YfinanceProvider",
}


def build_providers(names: Sequence[str]) -> list[Provider]:
    """Return the providers called `names`, in that order; raise DomainError for a name not in PROVIDERS."""
    return [_factory(name)() for name in names]


def _factory(name: str) -> Callable[[], Provider]:
    if name not in PROVIDERS:
        raise DomainError(f"a provider must be one of {', '.join(PROVIDERS)}, was {name!r}")
    module, _, factory = PROVIDERS[name].partition(":")
    found: Callable[[], Provider] = getattr(import_module(module), factory)
    return found
