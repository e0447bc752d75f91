"""How many bars a year has, by which per-bar figures are annualised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from market_data.timeframe import Timeframe

SESSIONS_PER_YEAR: Final = 252.0

# US equities: a session runs from 9:30 to 16:00, and a year has about 252 of them. These are counts of bars,
# so the last, shorter bar of a session counts: 6.5 hours are 7 bars of 1h and 2 of 4h. A market that never
# closes has more (1d: 365, 1h: 8,760); its user says so.
PERIODS_PER_YEAR: Final[Mapping[Timeframe, float]] = {
    "1m": SESSIONS_PER_YEAR * 390,
    "5m": SESSIONS_PER_YEAR * 78,
    "15m": SESSIONS_PER_YEAR * 26,
    "30m": SESSIONS_PER_YEAR * 13,
    "1h": SESSIONS_PER_YEAR * 7,
    "4h": SESSIONS_PER_YEAR * 2,
    "1d": SESSIONS_PER_YEAR,
    "1w": 52.0,
}
