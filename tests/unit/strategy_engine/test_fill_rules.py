import pytest

from market_data.errors import DomainError
from strategy_engine import FillRules


def test_ours_is_the_default():
    assert (FillRules().profile, FillRules().same_bar, FillRules().limit_fill) == ("next_open", "stop_first", "touch")


@pytest.mark.parametrize("profile", ["backtesting_py", "vectorbt"])
@pytest.mark.parametrize("other", [{"same_bar": "ohlc_path"}, {"limit_fill": "through"}])
def test_another_engine_has_its_own_rule_inside_a_bar(profile, other):
    with pytest.raises(DomainError, match=f"the profile {profile} knows only same_bar stop_first"):
        FillRules(profile=profile, **other)


def test_an_unknown_profile_is_refused():
    with pytest.raises(DomainError, match="profile must be 'next_open' or 'backtesting_py' or 'vectorbt', was 'best'"):
        FillRules(profile="best")
