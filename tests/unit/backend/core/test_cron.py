"""Cron expressions where clocks are put forward and back, by hand and against counting every minute."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.cron import Cron
from backend.core.errors import Invalid

MINUTE = timedelta(minutes=1)
# Zones with gaps and folds of an hour and of half an hour, at night and at midnight, on both halves of the Earth.
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Beirut", "America/Santiago")
DAYS = ("2026-03-08", "2026-03-28", "2026-04-04", "2026-09-05", "2026-11-01")


def walls(expression: str, zone: str, after: str, count: int) -> list[str]:
    """Return the next runs as clocks in the zone show them, with their offsets."""
    cron = Cron.parse(expression, zone)
    return [fire.astimezone(cron.zone).isoformat() for fire in islice(cron.fires(datetime.fromisoformat(after)), count)]


def test_a_time_that_does_not_exist_fires_at_the_first_moment_after() -> None:
    assert walls("30 2 * * *", "America/New_York", "2026-03-08T00:00-05:00", 2) == [
        "2026-03-08T03:00:00-04:00",
        "2026-03-09T02:30:00-04:00",
    ]


def test_times_that_fall_into_one_gap_fire_once() -> None:
    assert walls("*/10 2 * * *", "America/New_York", "2026-03-08T00:00-05:00", 2) == [
        "2026-03-08T03:00:00-04:00",
        "2026-03-09T02:00:00-04:00",
    ]
    assert walls("0 2,3 * * *", "America/New_York", "2026-03-08T00:00-05:00", 2) == [
        "2026-03-08T03:00:00-04:00",
        "2026-03-09T02:00:00-04:00",
    ]


def test_a_day_that_a_zone_skipped_fires_as_the_next_begins() -> None:
    assert walls("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00-10:00", 2) == [
        "2011-12-31T00:00:00+14:00",
        "2012-12-30T12:00:00+14:00",
    ]


def test_a_time_that_exists_twice_fires_the_first_time_only() -> None:
    assert walls("30 1 * * *", "America/New_York", "2026-11-01T00:00-04:00", 2) == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-02T01:30:00-05:00",
    ]


def test_who_looks_in_the_second_hour_does_not_find_the_first_ones_time() -> None:
    assert walls("30 1 * * *", "America/New_York", "2026-11-01T01:10-05:00", 1) == ["2026-11-02T01:30:00-05:00"]


def test_every_hour_means_each_hour_that_passes() -> None:
    assert walls("30 * * * *", "America/New_York", "2026-11-01T00:45-04:00", 3) == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:30:00-05:00",
        "2026-11-01T02:30:00-05:00",
    ]
    assert walls("30 * * * *", "America/New_York", "2026-03-08T00:45-05:00", 2) == [
        "2026-03-08T01:30:00-05:00",
        "2026-03-08T03:30:00-04:00",
    ]


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("* * * *", "five fields"),
        ("0 0 0 * * *", "five fields"),
        ("@daily", "five fields"),
        ("61 * * * *", "bad minute"),
        ("0 0 30 2 *", "bad day-of-month"),
        ("* * */20 * 1L", "within 50 years"),
        ("0 " * 200, "five fields"),
        ("", "five fields"),
    ],
)
def test_what_never_fires_is_refused_with_what_was_expected(expression: str, told: str) -> None:
    with pytest.raises(Invalid, match=told) as refused:
        Cron.parse(expression, "UTC")
    assert [problem.path for problem in refused.value.problems] == ["cron"]


@pytest.mark.parametrize("zone", ["Berlin", "../etc/passwd", "UTC+2", "", "europe/berlin "])
def test_a_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(Invalid, match="IANA time zone") as refused:
        Cron.parse("0 0 * * *", zone)
    assert [problem.path for problem in refused.value.problems] == ["time_zone"]


def test_description_is_english() -> None:
    assert Cron.parse("30 22 * * 1-5", "UTC").description == "At 22:30 on Monday through Friday"


def crons() -> st.SearchStrategy[tuple[str, str]]:
    minute = st.sampled_from(["0", "30", "15,45", "*/20", "*", "7-9"])
    hour = st.sampled_from(["*", "0", "1", "2", "3", "0,2", "*/2", "1-3", "23"])
    day = st.sampled_from(["*", "*/2", "1"])
    weekday = st.sampled_from(["*", "0", "6,0"])
    fields = st.tuples(minute, hour, day, weekday).map(lambda told: f"{told[0]} {told[1]} {told[2]} * {told[3]}")
    return st.tuples(fields, st.sampled_from(ZONES))


def by_counting(cron: Cron, matches: Cron, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the runs by the rule itself: minute by minute, with the wall times that were skipped or shown before."""
    wanted = wall_times(matches, begin - timedelta(days=2), end + timedelta(days=2))
    is_every_hour = cron.expression.split()[1] == "*"
    wall = (begin - timedelta(days=1)).astimezone(cron.zone).replace(tzinfo=None, second=0, microsecond=0)
    moment = begin - timedelta(days=1)
    latest_shown = wall - MINUTE
    while moment <= end:
        wall = moment.astimezone(cron.zone).replace(tzinfo=None)
        skipped = [] if is_every_hour else between(latest_shown + MINUTE, wall)
        is_new = wall > latest_shown
        fires = (wall in wanted and (is_new or is_every_hour)) or any(one in wanted for one in skipped)
        if fires and moment > begin:
            yield moment
        latest_shown = max(latest_shown, wall)
        moment += MINUTE


def between(first: datetime, end: datetime) -> list[datetime]:
    return [first + MINUTE * i for i in range(max(0, (end - first) // MINUTE))]


def wall_times(matches: Cron, begin: datetime, end: datetime) -> set[datetime]:
    """Return the wall times that an expression names: in UTC every wall time exists once."""
    return {fire.replace(tzinfo=None) for fire in takewhile(lambda fire: fire < end, matches.fires(begin))}


@given(crons(), st.sampled_from(DAYS), st.integers(0, 48 * 60))
def test_runs_are_those_that_counting_every_minute_finds(told: tuple[str, str], day: str, offset: int) -> None:
    expression, zone = told
    cron, in_utc = Cron.parse(expression, zone), Cron.parse(expression, "UTC")
    begin = datetime.fromisoformat(f"{day}T00:00Z") - timedelta(days=1) + MINUTE * offset
    end = begin + timedelta(days=2)
    found = list(takewhile(lambda fire: fire <= end, cron.fires(begin)))
    assert found == list(by_counting(cron, in_utc, begin, end))


@given(crons(), st.integers(0, 10 * 366 * 24 * 60))
def test_going_on_from_any_run_finds_the_same_runs(told: tuple[str, str], minutes: int) -> None:
    cron = Cron.parse(*told)
    fires = list(islice(cron.fires(datetime(2020, 1, 1, tzinfo=UTC) + MINUTE * minutes), 8))
    assert fires == sorted(set(fires))
    for i, fire in enumerate(fires[:-1]):
        assert next(cron.fires(fire)) == fires[i + 1]
