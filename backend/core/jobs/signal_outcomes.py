"""`signal_outcomes`: what became of past suggestions. For admins; it scores the signals of all users."""

from typing import Annotated

from annotated_types import Len
from pydantic import Field

from backend.core.jobs.failures import SymbolFailure
from backend.core.jobs.payload import Contract, Symbol
from backend.core.jobs.provenance import Provenance


class SignalOutcomesPayload(Contract):
    symbols: Annotated[tuple[Symbol, ...] | None, Len(1, 10_000), Field(description="All, when left out.")] = None
    limit: Annotated[
        int,
        Field(ge=1, le=100_000, description="How many signals at most; those first that waited longest for a look."),
    ] = 20_000


class SignalOutcomesResult(Contract):
    scored_count: int
    open_count: int
    """Signals whose horizon is not over, and whose barriers were not reached either."""
    failures: tuple[SymbolFailure, ...]
    provenance: Provenance
