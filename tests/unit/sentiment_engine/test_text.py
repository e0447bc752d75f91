from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_engine.text import clean, has_words, model_input


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>Profit <b>rose</b> 5%</p>", "Profit rose 5%"),
        ("Profit&nbsp;&amp; loss", "Profit & loss"),
        ("&lt;p&gt;Escaped twice&lt;/p&gt;", "Escaped twice"),
        ("<script>alert('profit')</script>Shares fall", "Shares fall"),
        ("<!-- hidden -->Shares fall", "Shares fall"),
        ("Shares fall https://t.co/abc123 today", "Shares fall today"),
        ("Shares\x00\tfall\r\n\u200btoday", "Shares fall today"),
        ("\u201cStrong\u201d quarter \u2013 CEO\u2019s words", '"Strong" quarter - CEO\'s words'),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_markup_addresses_and_control_characters_are_taken_away(text, expected):
    assert clean(text) == expected


def test_a_ticker_in_angle_brackets_is_content():
    assert clean("Apple <AAPL.O> fell") == "Apple <AAPL.O> fell"


def test_a_comparison_is_not_taken_for_markup():
    assert clean("profit < loss and a > b") == "profit < loss and a > b"


@pytest.mark.parametrize(
    ("cleaned", "expected"),
    [
        ("$AAPL $MSFT - Apple cut at Citi", "Apple cut at Citi"),
        ("RT @trader: Apple cut", "Apple cut"),
        ("Apple <AAPL.O> fell [nL4N2Z028U]", "Apple fell"),
        ("Apple (NASDAQ:AAPL) fell", "Apple fell"),
        ("#Apple falls...", "Apple falls"),
        ("$AAPL", "$AAPL"),
    ],
)
def test_the_model_is_not_shown_codes_without_opinion(cleaned, expected):
    assert model_input(cleaned) == expected


def test_emoji_and_numbers_alone_have_no_words():
    assert not has_words(clean("🚀🚀🚀 100%"))
    assert has_words("株価")


@pytest.mark.parametrize("piece", ["<script>", "<!--", "<p ", "....", "http://", "&lt;", "<a href="])
def test_a_megabyte_of_openings_is_cleaned(piece):
    text = piece * (1_000_000 // len(piece))  # quadratic work here would take hours
    assert len(model_input(clean(text)[:12_000])) <= 12_000


@given(st.text(max_size=300))
def test_a_cleaned_text_is_one_line_without_outer_space(text):
    cleaned = clean(text)
    assert cleaned == " ".join(cleaned.split())
    assert cleaned.isprintable()


@given(st.text(alphabet="abc <>/&;p!-$#.", max_size=80))
def test_the_model_is_shown_something_of_every_text(text):
    cleaned = clean(text)
    assert bool(model_input(cleaned)) == bool(cleaned)
