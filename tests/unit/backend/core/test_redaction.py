import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from backend.core.redaction import HIDDEN, Redactor, secrets_of
from backend.settings import Settings
from backend.settings.settings import NewsSettings

TOKEN = "ait_0123456789abcdef_" + "s" * 43


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"who sent {TOKEN}?", TOKEN),
        ("Authorization: Bearer abcdefgh.ijk", "abcdefgh.ijk"),
        ("could not reach postgresql://me:pa55word@host:5432/db", "pa55word"),
        ("GET https://finnhub.io/api/v1/news?symbol=AAPL&token=zzz9", "zzz9"),
        ('{"api_key": "k-123", "symbol": "AAPL"}', "k-123"),
        ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_and_the_rest_is_not(text: str, secret: str) -> None:
    told = Redactor().text(text)
    assert secret not in told
    assert HIDDEN in told
    assert ("AAPL" in told) == ("AAPL" in text)


def test_plain_prose_stays() -> None:
    for text in ("12 trades, +3.4 %", "3 tokens of 5", "https://example.com/a?b=c", "the key figures are basic"):
        assert Redactor().text(text) == text


def test_fields_that_are_secrets_by_name_are_hidden_whatever_they_hold() -> None:
    redactor = Redactor()
    assert redactor.field("password", 7) == HIDDEN
    assert redactor.field("told", {"user": "me", "api_key": "x", "deep": [{"token": "y"}]}) == {
        "user": "me",
        "api_key": HIDDEN,
        "deep": [{"token": HIDDEN}],
    }
    assert redactor.field("token_count", 7) == 7


def test_secrets_of_the_settings_are_their_keys_and_the_passwords_of_their_addresses() -> None:
    settings = Settings(
        database_url="postgresql://me:db-pa%40ss@host/db",
        redis_url="redis://:redis-pass@host/0",
        news=NewsSettings(finnhub_key=SecretStr("finnhub-key"), rss_feeds=("https://me:feed-pass@host/rss",)),
    )
    expected = {"db-pa%40ss", "db-pa@ss", "redis-pass", "finnhub-key", "feed-pass"}
    assert expected <= secrets_of(settings)


@given(st.text(), st.text(min_size=6), st.text())
def test_known_secret_never_comes_through(before: str, secret: str, after: str) -> None:
    told = Redactor([secret]).text(before + secret + after)
    assert secret not in told.replace(HIDDEN, "") or secret in before + after
