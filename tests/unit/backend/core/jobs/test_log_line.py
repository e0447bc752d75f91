from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from backend.core.jobs.log_line import LogLine, levels_from


def line(event: str, **fields: object) -> LogLine:
    at = datetime(2026, 3, 1, 9, 30, 0, 5_000, tzinfo=UTC)
    return LogLine(id=7, attempt=2, at=at, level="info", event=event, fields=fields)


def test_line_reads_as_time_attempt_level_event_and_fields() -> None:
    told = line("symbol_failed", symbol="AAPL", message="no bars", count=3).text
    assert told == '2026-03-01T09:30:00.005Z #2 info     symbol_failed symbol=AAPL message="no bars" count=3'


@given(st.text(), st.text())
def test_line_is_one_line_that_no_terminal_obeys(event: str, value: str) -> None:
    told = line(event, value=value).text
    assert all(character.isprintable() for character in told)


def test_levels_from_one_are_it_and_those_above() -> None:
    assert levels_from("warning") == ("warning", "error", "critical")
