"""The timeframes a bar may have, and how long each lasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from market_data.errors import DomainError

Timeframe = Literal["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"]

TIMEFRAMES: Final[tuple[Timeframe, ...]] = get_args(Timeframe)

STEP_S: Final[Mapping[Timeframe, int]] = {
    "1m": 60,
    "5m": 5 * 60,
    "15m": 15 * 60,
    "30m": 30 * 60,
    "1h": 60 * 60,
    "4h": 4 * 60 * 60,
    "1d": 24 * 60 * 60,
    "1w": 7 * 24 * 60 * 60,
}

# Their bars are named by a session date: the time is 00:00 UTC of that date, wherever the exchange is.
DATED_TIMEFRAMES: Final[frozenset[Timeframe]] = frozenset({"1d", "1w"})

NS_PER_S: Final = 1_000_000_000
NS_PER_DAY: Final = STEP_S["1d"] * NS_PER_S


def step_ns(timeframe: Timeframe) -> int:
    """Return how long one bar of `timeframe` lasts, in nanoseconds."""
    return STEP_S[timeframe] * NS_PER_S


def check_timeframe(text: str) -> Timeframe:
    """Return `text` if it is a timeframe, else raise DomainError."""
    if text not in TIMEFRAMES:
        raise DomainError(f"a timeframe must be one of {', '.join(TIMEFRAMES)}, was {text!r}")
    return text
