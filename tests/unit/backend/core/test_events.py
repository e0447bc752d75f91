from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.events import Cursor, Event, Kind, Message, Topic, job_changed, to_wire
from backend.core.ids import new_id
from backend.core.jobs.job import JobSummary
from backend.core.jobs.lifecycle import TERMINAL, JobState

EPOCHS = st.text("0123456789abcdef", min_size=1, max_size=32)


@given(EPOCHS, st.integers(0, 10**17))
def test_cursor_reads_what_it_writes(epoch: str, sequence: int) -> None:
    assert Cursor.parse(str(Cursor(epoch, sequence))) == Cursor(epoch, sequence)


@pytest.mark.parametrize("text", ["", ":", "a:", ":1", "a", "a:-1", "a:1.5", "a b:1", "a:٣", "a:1:2", "x" * 33 + ":1"])
def test_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a cursor looks like"):
        Cursor.parse(text)


@given(st.text(max_size=64))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        assert Cursor.parse(text).sequence >= 0
    except ValueError as error:
        assert "a cursor looks like" in str(error)  # noqa: PT017 - either way is right, nothing else is


@given(st.sampled_from(list(Kind)), st.text(), EPOCHS, st.integers(0, 10**17))
def test_wire_form_reads_back_whatever_the_data_holds(kind: Kind, data: str, epoch: str, sequence: int) -> None:
    event = Event((Topic("job_updates", None),), "some-key", kind, data)
    cursor = Cursor(epoch, sequence)
    assert Message.from_wire(str(cursor), to_wire(event)) == Message(cursor, "some-key", kind, data)


def job(state: JobState) -> JobSummary:
    now = datetime(2024, 1, 1, tzinfo=UTC)
    unset = dict.fromkeys(("stage", "error", "started_at", "finished_at", "cancel_requested_at"))
    numbers = {"priority": 5, "attempt": 1, "max_attempts": 3, "progress": 0.5, "version": 7}
    times = {"created_at": now, "run_at": now}
    return JobSummary(id=new_id(), job_type="probe", user_id=uuid4(), state=state, **numbers, **times, **unset)


@pytest.mark.parametrize("state", JobState)
def test_change_is_told_to_its_owner_and_to_those_who_watch_all(state: JobState) -> None:
    changed = job(state)
    event = job_changed(changed)
    assert event.topics == (Topic("job_updates", changed.user_id), Topic("job_updates", None))
    assert event.kind == (Kind.FINAL if state in TERMINAL else Kind.STATE)
    assert event.key == str(changed.id)
    assert str(changed.user_id) not in event.data
    assert '"version":7' in event.data


def test_progress_alone_may_be_replaced_but_an_ending_never() -> None:
    assert job_changed(job(JobState.RUNNING), progress_only=True).kind == Kind.PROGRESS
    assert job_changed(job(JobState.SUCCEEDED), progress_only=True).kind == Kind.FINAL
