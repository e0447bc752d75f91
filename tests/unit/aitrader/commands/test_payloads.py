import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aitrader.commands.payloads import read_payload
from aitrader.errors import CommandFailed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_json_object_is_read_as_it_is(payload):
    assert read_payload(json.dumps(payload)) == payload


def test_file_and_standard_input_are_read(tmp_path, monkeypatch):
    (tmp_path / "p.json").write_text('{"a": 1}')
    monkeypatch.setattr("sys.stdin", io.StringIO('{"b": 2}'))
    assert read_payload(f"@{tmp_path / 'p.json'}") == {"a": 1}
    assert read_payload("@-") == {"b": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n "b" 2}', "line 2, column 6"),
        ("", "line 1, column 1"),
        ("[1]", "expected a JSON object in --payload, it was list"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ("@no/such.json", "cannot be read: No such file"),
    ],
)
def test_what_is_no_payload_is_refused_with_the_place(text, expected):
    with pytest.raises(CommandFailed, match=expected):
        read_payload(text)


def test_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "p.json").write_bytes(b'{"a": "\xff"}')
    with pytest.raises(CommandFailed, match=r"expected UTF-8 text in .* at byte 7"):
        read_payload(f"@{tmp_path / 'p.json'}")
