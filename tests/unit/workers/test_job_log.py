import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workers.job_log import MAX_TEXT, TRUNCATED, JobLog, json_value

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def taken(log: JobLog) -> list[dict[str, object]]:
    return json.loads(log.take().as_json())


@given(st.dictionaries(st.text(min_size=1), anything, max_size=5))
def test_whatever_is_logged_becomes_json_that_postgres_takes(fields: dict[str, object]) -> None:
    log = JobLog()
    log.add({**fields, "event": "said", "level": "info"})
    text = log.take().as_json()
    json.loads(text, parse_constant=lambda name: 1 / 0)  # neither NaN nor an infinity
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()


def test_numbers_of_numpy_are_numbers() -> None:
    assert json_value(np.int64(7)) == 7
    assert json_value(np.float32(0.5)) == 0.5
    assert json_value(math.inf) == "inf"
    assert json_value(2**70) == str(2**70)


def test_long_text_is_cut_and_says_so() -> None:
    told = json_value("x" * (MAX_TEXT + 5))
    assert told == "x" * MAX_TEXT + "... (5 more characters)"


def test_debug_lines_are_of_no_interest() -> None:
    log = JobLog()
    assert not log.add({"event": "detail", "level": "debug"})
    assert log.is_empty


def test_fields_that_the_job_has_already_are_left_out() -> None:
    log = JobLog()
    log.add({"event": "said", "level": "warning", "job_id": "j", "attempt": 1, "request_id": "r", "symbol": "AAPL"})
    (line,) = taken(log)
    assert (line["event"], line["level"], line["fields"]) == ("said", "warning", {"symbol": "AAPL"})


@given(st.lists(st.integers(0, 300), max_size=40), st.integers(300, 3_000))
def test_log_is_bounded_and_tells_exactly_what_it_dropped(sizes: list[int], limit: int) -> None:
    log = JobLog(max_bytes=limit)
    for size in sizes:
        log.add({"event": "said", "level": "info", "text": "x" * size})
    lines = taken(log)
    kept = [line for line in lines if line["event"] == "said"]
    assert sum(len(json.dumps(line, separators=(",", ":"))) for line in kept) <= limit
    assert [line["seq"] for line in lines] == list(range(len(lines)))
    dropped = lines[-1]["fields"]["dropped_lines"] if lines and lines[-1]["event"] == TRUNCATED else 0
    assert len(kept) + dropped == len(sizes)


def test_lines_that_could_not_be_stored_wait_on_in_their_order() -> None:
    log = JobLog(max_bytes=200)
    for number in range(5):
        log.add({"event": "said", "level": "info", "number": number})
    first = log.take()
    log.put_back(first)
    log.add({"event": "said", "level": "info", "number": 5})
    again = taken(log)
    seqs = [line["seq"] for line in again]
    assert seqs == sorted(set(seqs)), "no line twice, or Postgres would refuse them all"
    assert again[-1]["fields"]["dropped_lines"] == 6 - (len(again) - 1)
