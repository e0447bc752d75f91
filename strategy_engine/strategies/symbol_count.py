"""How many symbols a strategy trades at once."""

from __future__ import annotations

from dataclasses import dataclass

from market_data.errors import require


@dataclass(frozen=True, slots=True)
class SymbolCount:
    """fewest, most: both included; no `most` is as many as there are."""

    fewest: int
    most: int | None = None

    def check(self, kind: str, count: int) -> None:
        """Raise DomainError unless `count` symbols are what the strategy of this kind trades."""
        is_met = self.fewest <= count and (self.most is None or count <= self.most)
        require(is_met, f"{kind} trades {self}, was given {count}")

    def __str__(self) -> str:
        if self.most is None:
            return f"{self.fewest} symbols or more"
        if self.most == self.fewest:
            return "one symbol" if self.fewest == 1 else f"exactly {self.fewest} symbols"
        return f"{self.fewest} to {self.most} symbols"
