from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.services.jobs import page_cursor, parse_page_cursor


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_cursor_reads_what_it_writes(created_at: datetime, job_id: UUID) -> None:
    last = SimpleNamespace(created_at=created_at, id=job_id)
    assert parse_page_cursor(page_cursor(last)) == (created_at, job_id)  # type: ignore[arg-type]


@given(st.text(max_size=500))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with pytest.raises(Invalid, match="next_cursor of an earlier answer"):
        parse_page_cursor(text)
