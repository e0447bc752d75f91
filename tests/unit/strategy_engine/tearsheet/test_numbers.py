import math

import pytest

from strategy_engine.tearsheet.numbers import MINUS, UNDEFINED, day, written


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.12345, "percent", "12.35 %"),
        (-0.5, "percent", f"{MINUS}50.00 %"),
        (-0.000001, "percent", "0.00 %"),
        (1234.5, "currency", "1,234.50"),
        (math.nan, "currency", UNDEFINED),
        (1e20, "ratio", "1.000e+20"),
        (1200.0, "count", "1,200"),
        (3.0, "bars", "3 bars"),
        (3.25, "bars", "3.2 bars"),
    ],
)
def test_numbers_as_a_reader_wants_them(value, unit, text):
    assert written(value, unit) == text


def test_midnight_is_a_date_and_other_times_are_told():
    assert day(0) == "1970-01-01"
    assert day((86_400 + 52_200) * 1_000_000_000) == "1970-01-02 14:30"
