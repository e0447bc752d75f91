from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment_engine.entities import find_entities
from sentiment_engine.relevance import relevance_of


def clauses(text, names=None):
    return {entity.symbol: entity.clause for entity in find_entities(text, names)}


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("$tsla and $BRK.B fall", ["TSLA", "BRK.B"]),
        ("Apple <AAPL.O> fell", ["AAPL"]),
        ("Something (NASDAQ: XYZQ) fell", ["XYZQ"]),
        ("Johnson & Johnson recalls powder", ["JNJ"]),
        ("AAPL rises", ["AAPL"]),
        ("An apple a day", []),
        ("The price target was raised", []),
        ("Price Target Raised", []),
        ("Target Corp raises outlook", ["TGT"]),
        ("Ford's sales slump", ["F"]),
        ("A $5 coupon", []),
        ("A $bn deal in $US of $m, $M&A, $mln, $k and $usd", ["M"]),
        ("Some $foo and $Bar", []),
        ("$XYZQ falls", ["XYZQ"]),
        ("NEW LOWS ARE NOW SEEN FOR STOCKS", []),
        ("", []),
    ],
)
def test_companies_are_found_by_code_and_by_name(text, symbols):
    assert [entity.symbol for entity in find_entities(text)] == symbols


def test_a_small_cashtag_counts_for_a_symbol_of_the_caller():
    assert [entity.symbol for entity in find_entities("$abbx falls", {"ABBX": []})] == ["ABBX"]


@pytest.mark.parametrize(
    "piece",
    ["Apple up 3%, Intel down 4%, ", "by Apple by Intel ", "Apple gains and Intel falls and ", "$AAPL, $MSFT gains, "],
)
def test_work_on_a_text_crafted_of_turns_grows_no_faster_than_the_text(piece):
    short, long = (piece * (length // len(piece)) for length in (6_000, 12_000))
    assert calls_of(lambda: find_entities(long)) < 2.5 * calls_of(lambda: find_entities(short))


def calls_of(action):
    """Return how many functions it calls: unlike seconds, the same on every machine."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def test_names_of_the_caller_are_found_too():
    found = find_entities("Nordea climbs, but ABB sinks", {"NDA": ["Nordea"], "abb": []})
    assert [(entity.symbol, entity.clause) for entity in found] == [("NDA", "Nordea climbs"), ("ABB", "ABB sinks")]


def test_each_company_gets_its_clause():
    assert clauses("AAPL rises while MSFT falls") == {"AAPL": "AAPL rises", "MSFT": "MSFT falls"}


def test_a_comma_between_two_judgements_parts_clauses():
    assert clauses("Apple gains 2%, Microsoft drops on weak sales") == {
        "AAPL": "Apple gains 2%",
        "MSFT": "Microsoft drops on weak sales",
    }


def test_a_list_of_companies_is_not_parted():
    told = "Pfizer and Merck fell"
    assert clauses(told) == {"PFE": told, "MRK": told}


def test_a_single_company_gets_the_whole_text():
    told = "Apple gains, but the rally may not last"
    assert clauses(told) == {"AAPL": told}


def test_the_bank_that_judges_is_not_whom_the_text_is_about():
    assert list(clauses("Apple cut to sell at Citi")) == ["AAPL"]
    assert list(clauses("Citi cuts jobs")) == ["C"]


def test_relevance_is_higher_for_the_company_of_the_title():
    found = find_entities("Apple beats estimates. " + "Suppliers gained too. " * 5 + "Broadcom rose.")
    assert relevance_of("AAPL", found) > relevance_of("AVGO", found) > 0
    assert relevance_of("MSFT", found) == 0


def test_a_text_of_one_company_named_by_its_code_is_wholly_about_it():
    assert relevance_of("AAPL", find_entities("$AAPL AAPL Apple")) == pytest.approx(1.0)


@given(
    st.lists(st.sampled_from(["Apple", "$MSFT", "gains", "falls", ",", "while", "and", ";", "Intel", "."]), max_size=14)
)
def test_clauses_come_from_the_text_and_hold_their_company(words):
    text = " ".join(words)
    found = find_entities(text)
    for entity in found:
        assert entity.clause
        assert entity.name in entity.clause
        assert 0 < relevance_of(entity.symbol, found) <= 1
