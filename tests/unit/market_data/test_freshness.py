from datetime import UTC, date, datetime, timedelta

import pytest

from market_data.freshness import is_behind

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=9)


@pytest.mark.parametrize(
    ("last_at", "updated_at", "end", "expected"),
    [
        (LONG_AGO, LONG_AGO, None, True),
        (NOW - timedelta(days=1), LONG_AGO, None, False),  # nothing newer can have closed
        (LONG_AGO, NOW - timedelta(hours=23), None, False),  # it was asked for today
        (LONG_AGO, LONG_AGO, date(2026, 2, 20), False),  # what is there is all that is wanted
        (LONG_AGO, LONG_AGO, date(2026, 3, 8), True),
    ],
)
def test_daily_bars_are_behind_only_when_newer_ones_are_wanted_may_exist_and_were_not_asked_for(
    last_at: datetime, updated_at: datetime, end: date | None, expected: bool
) -> None:
    assert is_behind(last_at, updated_at, "1d", end, NOW) is expected


def test_short_bars_are_asked_for_again_after_one_of_theirs() -> None:
    last_at = NOW - timedelta(minutes=30)
    assert is_behind(last_at, NOW - timedelta(minutes=6), "5m", None, NOW)
    assert not is_behind(last_at, NOW - timedelta(minutes=4), "5m", None, NOW)
