"""Which runs are due: the three rules for missed ones, and the bounds of a schedule."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backend.core.cron import Cron
from backend.core.errors import Invalid
from backend.core.schedules import CATCH_UP_LIMIT, ScheduleChanges, ScheduleRequest, Timetable, request_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAYLOAD = {"symbols": ["AAPL"], "timeframe": "1d"}


def timetable(catch_up: Any, cron: str = "0 * * * *", **bounds: datetime) -> Timetable:
    return Timetable(Cron.parse(cron, "UTC"), catch_up, bounds.get("starts_at"), bounds.get("ends_at"))


def request(**changes: Any) -> ScheduleRequest:
    told = {"name": "n", "job_type": "pattern_scan", "payload": PAYLOAD, "cron": "0 * * * *"} | changes
    return ScheduleRequest.model_validate(told)


@pytest.mark.parametrize("catch_up", ["skip", "latest", "all"])
def test_a_run_on_time_starts_under_every_rule(catch_up: str) -> None:
    due = timetable(catch_up).due(NOON, NOON + timedelta(seconds=2))
    assert due.fires == (NOON,)
    assert due.next_fire_at == NOON + HOUR


def test_skip_leaves_missed_runs_out() -> None:
    due = timetable("skip").due(NOON - 5 * HOUR, NOON + timedelta(minutes=20))
    assert due.fires == ()
    assert due.next_fire_at == NOON + HOUR


def test_skip_still_starts_the_one_that_is_on_time() -> None:
    due = timetable("skip").due(NOON - 5 * HOUR, NOON + timedelta(seconds=20))
    assert due.fires == (NOON,)


def test_latest_makes_up_for_the_last_missed_run() -> None:
    due = timetable("latest").due(NOON - 5 * HOUR, NOON + timedelta(minutes=20))
    assert due.fires == (NOON,)
    assert due.next_fire_at == NOON + HOUR


def test_latest_finds_the_last_run_of_a_long_gap_quickly() -> None:
    due = timetable("latest", "* * * * *").due(NOON - 3_650 * 24 * HOUR, NOON)
    assert due.fires == (NOON,)
    due = timetable("latest", "0 0 29 2 *").due(datetime(1996, 2, 29, tzinfo=UTC), NOON)
    assert due.fires == (datetime(2024, 2, 29, tzinfo=UTC),)


def test_all_makes_up_for_each_some_at_a_time() -> None:
    first, now = NOON - 250 * HOUR, NOON
    rounds = []
    while first <= now:
        due = timetable("all").due(first, now)
        rounds.append(due.fires)
        assert due.next_fire_at is not None
        first = due.next_fire_at
    assert [len(fires) for fires in rounds] == [CATCH_UP_LIMIT, CATCH_UP_LIMIT, 51]
    assert [fire for fires in rounds for fire in fires] == [NOON - i * HOUR for i in range(250, -1, -1)]


def test_nothing_fires_before_the_start_or_after_the_end() -> None:
    bounded = timetable("all", starts_at=NOON, ends_at=NOON + 2 * HOUR)
    assert bounded.upcoming(NOON - 24 * HOUR, 10) == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert bounded.next_after(NOON + 2 * HOUR) is None
    assert bounded.due(NOON + 2 * HOUR, NOON + 9 * HOUR).next_fire_at is None
    late = timetable("latest", ends_at=NOON).due(NOON - HOUR, NOON + 9 * HOUR)
    assert (late.fires, late.next_fire_at) == ((NOON,), None)


@given(
    st.sampled_from(["skip", "latest", "all"]),
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 3 * * 1", "5 4 1 * *"]),
    st.integers(0, 200_000),
)
def test_each_rule_starts_what_it_says_of_all_runs_that_were_due(catch_up: str, cron: str, minutes: int) -> None:
    now = NOON + timedelta(minutes=minutes, seconds=30)
    every = timetable("all", cron)
    first = every.next_after(NOON)
    assert first is not None
    if first > now:
        return
    missed = every.upcoming(first - timedelta(microseconds=1), CATCH_UP_LIMIT)
    due = timetable(catch_up, cron).due(first, now)
    if catch_up == "all":
        assert list(due.fires) == [fire for fire in missed if fire <= now]
    else:
        last = due.fires[-1] if due.fires else None
        assert last is None or (first <= last <= now and due.next_fire_at == every.next_after(last))
        assert catch_up == "skip" or last is not None
    assert due.next_fire_at is not None
    assert due.next_fire_at > (now if catch_up != "all" else due.fires[-1])


def test_payload_is_checked_as_a_submit_is() -> None:
    with pytest.raises(Invalid, match="symbols") as refused:
        _ = request(payload={"symbols": []}).submission
    assert refused.value.problems[0].path.startswith("payload.")
    with pytest.raises(Invalid, match="job_type must be one of"):
        _ = request(job_type="nonsense").submission


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"options": {"run_at": "2026-03-01T00:00:00Z"}}, "the same at each run"),
        ({"starts_at": "2026-03-02T00:00:00Z", "ends_at": "2026-03-01T00:00:00Z"}, "must not be after ends_at"),
        ({"starts_at": "2026-03-02T00:00:00"}, "timezone"),
        ({"ends_at": "2999-03-02T00:00:00Z"}, "before the year"),
        ({"catch_up": "some"}, "'skip', 'latest' or 'all'"),
        ({"name": "a\0b"}, "U\\+0000"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(changes: dict[str, Any], told: str) -> None:
    told_request = {"name": "n", "job_type": "pattern_scan", "payload": PAYLOAD, "cron": "0 * * * *"} | changes
    with pytest.raises(ValidationError, match=told):
        ScheduleRequest.model_validate_json(json.dumps(told_request))


def test_changes_keep_what_they_do_not_name() -> None:
    row = {**request(starts_at=NOON).model_dump(), "options": {"priority": 2}}
    changed = request_of(row, ScheduleChanges(cron="5 * * * *"))
    assert (changed.cron, changed.starts_at, changed.options.priority) == ("5 * * * *", NOON, 2)
    assert request_of(row, ScheduleChanges(starts_at=None)).starts_at is None
    with pytest.raises(Invalid, match="name must not be null"):
        request_of(row, ScheduleChanges(name=None))
