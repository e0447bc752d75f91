"""Whether stored bars may be behind: then workers ask a provider again, and earlier results are not reused."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from market_data.timeframe import STEP_S, Timeframe

ONE_DAY: Final = timedelta(days=1)
STATIC_SOURCES: Final = frozenset({"import", "sample"})
"""Sources that bring nothing new by themselves: nobody is asked again for their series."""


def is_behind(last_at: datetime, updated_at: datetime, timeframe: Timeframe, end: date | None, now: datetime) -> bool:
    """Tell whether newer bars may exist that the caller wants, and that were not asked for a moment ago.

    last_at: the open of the newest stored bar. updated_at: when the series was written. end: the last day that is
    wanted, inclusive; None wants the newest bars there are.
    """
    step = timedelta(seconds=STEP_S[timeframe])
    wants_newer = end is None or datetime.combine(end, time.min, UTC) >= last_at + step
    return wants_newer and now - last_at > 2 * step and now - updated_at > min(step, ONE_DAY)
