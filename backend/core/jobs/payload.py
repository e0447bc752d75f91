"""The base of every payload and result, and of their parts: strict, finite, closed, versioned."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from market_data.symbols import SYMBOL_MAX_LENGTH, SYMBOL_PATTERN


class Part(BaseModel):
    """A part of a payload or of a result. Text or a boolean is not a number, NaN and infinity are not numbers either.

    Payloads must be read from JSON (`model_validate_json`): strictness then still takes dates as text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Contract(Part):
    """A payload or a result as a whole; the version of its shape goes with it."""

    schema_version: Literal[1] = 1


Symbol = Annotated[
    str,
    StringConstraints(pattern=SYMBOL_PATTERN, min_length=1, max_length=SYMBOL_MAX_LENGTH),
    Field(description="A ticker, as the data source spells it.", examples=["AAPL"]),
]
Symbols = Annotated[tuple[Symbol, ...], Len(1, 10_000)]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError(f"text must be without the character U+0000, it has one at {text.index(chr(0))}")
    return text


FreeText = Annotated[str, AfterValidator(_storable)]
"""Any text that Postgres can hold: it refuses U+0000, alone among all characters."""
