import math

import pytest

from market_data.errors import DomainError
from strategy_engine import CommissionTier, Costs


@pytest.mark.parametrize("rate", [0.0, 0.001, 0.1])
def test_a_commission_rate_up_to_a_tenth_is_accepted(rate):
    assert Costs(commission_rate=rate).commission_rate == rate


@pytest.mark.parametrize("rate", [-0.001, 0.1001, math.nan, math.inf, "0.001", False])
def test_any_other_commission_rate_is_refused(rate):
    with pytest.raises(DomainError, match=r"commission_rate must be a finite number >= 0 and <= 0\.1, was"):
        Costs(commission_rate=rate)


def test_tiers_rise():
    with pytest.raises(DomainError, match=r"commission_tiers must rise in `above`, were \[5\.0, 5\.0\]"):
        Costs(commission_tiers=(CommissionTier(above=5.0, rate=0.01), CommissionTier(above=5.0, rate=0.02)))
