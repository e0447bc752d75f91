from hypothesis import given
from hypothesis import strategies as st

from backend.core.jobs.outcomes import MAX_SUMMARY_BYTES, one_line


@given(st.text(max_size=400))
def test_summary_is_one_line_of_200_bytes_at_most(text: str) -> None:
    line = one_line(text)
    assert line is None or (len(line.encode()) <= MAX_SUMMARY_BYTES and line.splitlines() == [line])


def test_long_summary_is_cut_between_characters() -> None:
    line = one_line("€" * 100)
    assert line == "€" * 65 + "…"


def test_short_summary_stays_and_an_empty_one_is_none() -> None:
    assert one_line("12 trades,\n +3.4 %") == "12 trades, +3.4 %"
    assert one_line(" \n") is None
    assert one_line(None) is None
