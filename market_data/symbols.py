"""What a symbol may look like, the same wherever one enters: API, import file, provider."""

from __future__ import annotations

import re
from typing import Final

from market_data.errors import InvalidSymbol

SYMBOL_MAX_LENGTH: Final = 32

# Letters, digits and . _ : ^ = - as vendors use them (BRK.B, ^GSPC, EURUSD=X, BTC-USD, NSE:INFY). Never two
# dots in a row and never a lone dot, so a symbol is safe in a path. No look-around: pydantic's Rust regex has
# none.
SYMBOL_PATTERN: Final = r"^\.?[A-Za-z0-9_:^=-]+(\.[A-Za-z0-9_:^=-]+)*\.?$"

_SYMBOL: Final = re.compile(SYMBOL_PATTERN)


def check_symbol(text: str) -> str:
    """Return `text` if it is a symbol, else raise InvalidSymbol."""
    # fullmatch, because `$` also matches before a trailing newline.
    if len(text) <= SYMBOL_MAX_LENGTH and _SYMBOL.fullmatch(text) is not None:
        return text
    raise InvalidSymbol(
        f"a symbol must be 1 to {SYMBOL_MAX_LENGTH} of A-Z a-z 0-9 . _ : ^ = - without two dots in a row, "
        f"was {_shortened(text)!r}"
    )


def _shortened(text: str) -> str:
    longest_shown = 2 * SYMBOL_MAX_LENGTH
    return text if len(text) <= longest_shown else text[:longest_shown] + "..."
