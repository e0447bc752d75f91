import math

import pytest

from market_data.errors import DomainError
from strategy_engine import Account


def test_an_account_starts_with_ten_thousand_and_whole_units():
    assert (Account().cash, Account().lot_step) == (10_000.0, 1.0)


@pytest.mark.parametrize("field", ["cash", "lot_step"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, "100", True, None])
def test_cash_and_lot_step_are_finite_numbers_above_zero(field, value):
    with pytest.raises(DomainError, match=f"{field} must be a finite number > 0"):
        Account(**{field: value})
