"""Options: what cannot be is refused, and years are settled by the data's span."""

from datetime import date
from pathlib import Path

import pytest

from market_data.errors import DomainError
from training.suggestion.options import SuggestionOptions, is_held_out

PLACES = {"data": (Path("bars.parquet"),), "out": Path("models"), "work": Path("work")}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(1962, 1, 2), date(2017, 11, 10), (2010, 2016)),
        (date(2016, 1, 4), date(2025, 6, 30), (2019, 2024)),
        (date(2020, 1, 2), date(2023, 12, 29), (2022, 2022)),
    ],
    ids=["long", "short: a year each for warm-up, training, calibration", "only the hold-out is left"],
)
def test_years_are_settled_by_the_span_of_the_data(first, last, expected):
    assert SuggestionOptions(**PLACES).settled(first, last).test_years == expected


def test_years_that_were_given_stay():
    options = SuggestionOptions(**PLACES, first_test_year=2012, hold_out_year=2014)
    assert options.settled(date(1990, 1, 1), date(2020, 1, 1)).test_years == (2012, 2014)


def test_years_must_be_settled_before_they_are_used():
    with pytest.raises(DomainError, match="must be settled"):
        _ = SuggestionOptions(**PLACES).test_years


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"data": ()}, "at least one Parquet file"),
        ({"members": ()}, "at least one of lightgbm"),
        ({"members": ("forest",)}, "it was 'forest'"),
        ({"first_test_year": 2017, "hold_out_year": 2016}, "at most hold_out_year 2016, it was 2017"),
        ({"tree_rounds": 0}, "tree_rounds must be 1 or more, it was 0"),
    ],
)
def test_options_that_cannot_be_are_refused(changed, text):
    with pytest.raises(DomainError, match=text):
        SuggestionOptions(**{**PLACES, **changed})


def test_where_things_are_does_not_decide_the_result():
    elsewhere = {"data": (Path("other/bars.parquet"),), "out": Path("a"), "work": Path("b")}
    assert SuggestionOptions(**PLACES).told() == SuggestionOptions(**elsewhere).told()


def test_a_note_is_told_but_computes_nothing():
    noted = SuggestionOptions(**PLACES, data_note="from a friend")
    assert noted.told()["data_note"] == "from a friend"
    assert noted.computed_from() == SuggestionOptions(**PLACES).computed_from()


@pytest.mark.parametrize("symbol", ["AAPL", "META", "fb", "GOOG.US", "googl", "IBM/USD", "msft.xetra"])
def test_held_out_symbols_are_known_by_any_spelling(symbol):
    assert is_held_out(symbol)


@pytest.mark.parametrize("symbol", ["METAL", "AA", "FBX", "BRK.B", "X.IBM", ""])
def test_others_are_not_held_out(symbol):
    assert not is_held_out(symbol)
