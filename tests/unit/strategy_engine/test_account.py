import math

import pytest

from market_data.errors import DomainError
from strategy_engine import Account


def test_an_account_starts_with_ten_thousand_and_whole_units():
    assert (Account().cash, Account().lot_step) == (10_000.0, 1.0)


@pytest.mark.parametrize("field", ["cash", "lot_step"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, "100", True, None])
def test_cash_and_lot_step_are_finite_numbers_above_zero(field, value):
    with pytest.raises(DomainError, match=f"{field} must be a finite number >"):
        Account(**{field: value})


@pytest.mark.parametrize("lot_step", [5e-324, 1e300])
def test_lots_of_which_no_size_could_be_reckoned_are_refused(lot_step):
    with pytest.raises(DomainError, match="lot_step must be a finite number >= 1e-18 and <= 1e"):
        Account(lot_step=lot_step)


def test_an_account_that_could_never_hold_its_leverage_is_refused():
    with pytest.raises(DomainError, match=r"maintenance_margin_frac must be below 1 / leverage, 0\.1, was 0\.25"):
        Account(leverage=10.0, maintenance_margin_frac=0.25)


def test_maintenance_margin_is_a_quarter_of_the_initial_one_unless_said():
    assert Account(leverage=5.0).maintenance == 0.05
    assert Account(maintenance_margin_frac=0.3).maintenance == 0.3
