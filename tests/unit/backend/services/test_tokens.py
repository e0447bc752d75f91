import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Unauthenticated
from backend.services.accounts import Token


def test_token_reads_what_it_writes() -> None:
    token = Token.new()
    assert Token.parse(token.text) == token
    assert token.secret_sha256 == hashlib.sha256(token.secret.encode()).digest()


def test_token_never_shows_its_secret() -> None:
    token = Token.new()
    assert token.secret not in repr(token)
    assert token.secret not in f"{token!s}"


@given(st.text(max_size=80))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    with pytest.raises(Unauthenticated, match="expected ait_<id>_<secret>"):
        Token.parse(text)


@pytest.mark.parametrize(
    "text", ["ait_0123456789abcdef_é", "AIT_0123456789abcdef_x", "ait_0123456789abcdeg_x", "ait__x"]
)
def test_near_miss_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        Token.parse(text)
