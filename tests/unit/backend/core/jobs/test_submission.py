import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backend.core.errors import Forbidden, Invalid
from backend.core.jobs.registry import JOB_TYPES
from backend.core.jobs.submission import JobOptions, lane_cap, submission, unfinished_cap
from backend.core.user import User
from backend.settings import JobSettings

SCAN = {"symbols": ["AAPL"], "last_bars": 5}


def user(role: Any) -> User:
    return User(uuid4(), "somebody", role)


def test_row_has_the_types_own_limits_and_queue() -> None:
    asker = user("free")
    row = submission("pattern_scan", SCAN).new_row(asker, "key")
    spec = JOB_TYPES["pattern_scan"]
    assert (row["state"], row["queue"], row["max_attempts"]) == ("queued", spec.queue, spec.max_attempts)
    assert (row["user_id"], row["idempotency_key"], row["priority"]) == (asker.id, "key", 5)
    assert row["payload"]["timeframe"] == "1d"
    assert "run_at" not in row, "the database's clock says when now is"


def test_later_time_makes_a_scheduled_row() -> None:
    run_at = datetime.now(UTC) + timedelta(hours=1)
    row = submission("pattern_scan", SCAN, JobOptions(run_at=run_at)).new_row(user("free"), None)
    assert (row["state"], row["run_at"]) == ("scheduled", run_at)


def test_one_moment_is_one_request_in_whatever_zone() -> None:
    there = datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    here = datetime(2030, 1, 1, tzinfo=UTC)
    one, other = (submission("pattern_scan", SCAN, JobOptions(run_at=when)) for when in (there, here))
    assert one.request_hash == other.request_hash


def test_hash_tells_requests_apart_but_not_the_order_of_names() -> None:
    hashes = {
        submission("pattern_scan", SCAN).request_hash,
        submission("pattern_scan", SCAN | {"last_bars": 6}).request_hash,
        submission("pattern_scan", SCAN, JobOptions(priority=1)).request_hash,
    }
    assert len(hashes) == 3
    assert submission("pattern_scan", dict(reversed(SCAN.items()))).request_hash in hashes


def test_role_that_may_not_is_told_which_may() -> None:
    with pytest.raises(Forbidden, match="needs the role admin; somebody has premium"):
        submission("probe", {}).new_row(user("premium"), None)
    assert submission("probe", {}).new_row(user("admin"), None)["queue"] == "probe"


@pytest.mark.parametrize(
    ("job_type", "payload", "told"),
    [
        ("horoscope", {}, "job_type must be one of"),
        ("pattern_scan", {"symbols": ["A/B"]}, "symbols.0"),
        ("pattern_scan", {"symbols": ["A"], "x": object()}, "must be JSON"),
        ("probe", {"sleep_s": math.nan}, "must be JSON"),
        ("probe", {"sleep_s": "1"}, "sleep_s"),
        ("probe", {"sleep_s": True}, "sleep_s"),
        ("sentiment_analysis", {"texts": ["fine", "a\0b"]}, r"(?s)texts.1.*without the character U\+0000"),
        ("sentiment_analysis", {"texts": ["x"] * 10_001}, "at most 10000 items"),
        ("sentiment_analysis", {}, "expected texts, symbols or both"),
        ("suggestion", {"symbols": []}, "at least 1 item"),
        ("suggestion", {"symbols": ["A"], "risk": {"kelly_frac": 2.0}}, "kelly_frac"),
    ],
)
def test_wrong_values_are_refused(job_type: str, payload: dict[str, object], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        submission(job_type, payload)


def test_time_out_of_the_calendar_is_refused() -> None:
    with pytest.raises(ValidationError, match="years 1 to 9999"):
        JobOptions(run_at=datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=14))))


def test_caps_follow_the_role() -> None:
    limits = JobSettings(free_max_running=1, premium_max_running=5)
    assert [lane_cap(user(role), limits) for role in ("free", "premium", "admin")] == [1, 5, None]
    assert lane_cap(user("admin"), JobSettings(admin_max_running=3)) == 3


def test_caps_on_unfinished_jobs_follow_the_role() -> None:
    limits = JobSettings(free_max_unfinished=3, premium_max_unfinished=9, admin_max_unfinished=27)
    assert [unfinished_cap(user(role), limits) for role in ("free", "premium", "admin")] == [3, 9, 27]
    assert unfinished_cap(user("admin"), JobSettings()) is None


def test_seconds_to_live_count_from_when_the_job_is_accepted() -> None:
    before = datetime.now(UTC)
    row = submission("pattern_scan", SCAN, JobOptions(expires_in_s=60.0)).new_row(user("free"), None)
    assert before + timedelta(seconds=60) <= row["deadline_at"] <= datetime.now(UTC) + timedelta(seconds=60)


def test_deadline_is_kept_in_utc() -> None:
    there = datetime(2100, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    row = submission("pattern_scan", SCAN, JobOptions(deadline_at=there)).new_row(user("free"), None)
    assert (row["deadline_at"], row["deadline_at"].tzinfo) == (there, UTC)
    assert submission("pattern_scan", SCAN).new_row(user("free"), None)["deadline_at"] is None


@given(
    run_in_s=st.none() | st.integers(-1_000, 1_000), deadline_in_s=st.integers(-1_000, 1_000), by_seconds=st.booleans()
)
def test_a_deadline_is_taken_if_and_only_if_it_leaves_time_to_run(
    run_in_s: int | None, deadline_in_s: int, by_seconds: bool
) -> None:
    now = datetime.now(UTC)
    told: dict[str, Any] = {} if run_in_s is None else {"run_at": now + timedelta(seconds=run_in_s)}
    if by_seconds and deadline_in_s > 0:
        told["expires_in_s"] = float(deadline_in_s)
    else:
        told["deadline_at"] = now + timedelta(seconds=deadline_in_s)
    try:
        submission("pattern_scan", SCAN, JobOptions(**told)).require_time_left(now)
        is_taken = True
    except (Invalid, ValidationError):
        is_taken = False
    assert is_taken == (deadline_in_s > max(0, run_in_s or 0))
