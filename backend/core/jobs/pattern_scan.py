"""`pattern_scan`: candlestick patterns in the latest bars of many symbols."""

from datetime import date
from typing import Annotated, Literal, Self

from annotated_types import Len
from pydantic import Field, model_validator

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.payload import Contract, Symbols
from backend.core.jobs.provenance import Provenance
from market_data.timeframe import Timeframe
from pattern_engine import PatternName


class PatternScanPayload(Contract):
    symbols: Symbols
    timeframe: Timeframe = "1d"
    start: date | None = None
    end: Annotated[date | None, Field(description="Last day, inclusive; the newest bars without it.")] = None
    patterns: Annotated[tuple[PatternName, ...] | None, Len(1), Field(description="All, when left out.")] = None
    last_bars: Annotated[int, Field(ge=1, le=10_000, description="How many of the newest bars to look at.")] = 5
    parallel: Annotated[
        int, Field(ge=1, le=64, description="Into how many jobs to split the symbols; the result is the same.")
    ] = 1

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"end must not be before start; start was {self.start}, end was {self.end}")
        return self


class FoundPattern(Contract):
    symbol: str
    pattern: str
    direction: Literal["bullish", "bearish", "neutral"]
    strength: int
    bar_time: str


class PatternScanResult(Contract):
    matches: tuple[FoundPattern, ...]
    failures: tuple[SymbolFailure, ...]
    provenance: Provenance
