import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_data.errors import InvalidSymbol
from market_data.symbols import SYMBOL_MAX_LENGTH, SYMBOL_PATTERN, check_symbol

ALPHABET = "ABCabc0189._:^=-"


@pytest.mark.parametrize(
    "symbol",
    ["A", "AAPL", "BRK.B", "BRK-B", "^GSPC", "EURUSD=X", "BTC-USD", "NSE:INFY", ".DJI", "a.b.c", "A" * 32],
)
def test_symbols_of_vendors_are_accepted(symbol):
    assert check_symbol(symbol) == symbol


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "A..B",
        "../etc",
        "A/B",
        "A\\B",
        "A B",
        " A",
        "AAPL\n",
        "AAPL\r\n",
        "A\0",
        "Ä",
        "A" * 33,
        "A%2e",
        "'",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(InvalidSymbol, match="a symbol must be 1 to 32 of"):
        check_symbol(text)


def test_a_huge_text_gives_a_short_error():
    with pytest.raises(InvalidSymbol) as caught:
        check_symbol("/" * 1_000_000)
    assert len(str(caught.value)) < 300


def test_the_pattern_has_no_look_around():
    assert "(?" not in SYMBOL_PATTERN


@given(st.text(alphabet=ALPHABET, max_size=40))
def test_symbols_are_texts_of_the_alphabet_with_lone_dots(text):
    is_symbol = 1 <= len(text) <= SYMBOL_MAX_LENGTH and ".." not in text and text != "."
    assert accepted(text) == is_symbol


@given(st.text(max_size=10))
def test_no_character_outside_the_alphabet_is_accepted(text):
    if accepted(text):
        assert re.fullmatch(r"[A-Za-z0-9._:^=-]+", text)


def accepted(text: str) -> bool:
    try:
        check_symbol(text)
    except InvalidSymbol:
        return False
    return True
